import { lookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';

/** An address or a host that nothing is fetched from. The message is a full sentence that names the host. */
export class ForbiddenHostError extends Error {
  override readonly name = 'ForbiddenHostError';
}

/** Which hosts may be reached for somebody else: public ones, and those that are allowed by name. */
export interface PublicHosts {
  /** By name: then on any port. */
  isAllowed(host: string): boolean;
  /** Throws ForbiddenHostError for an address that is not public, unless the host is allowed. */
  assertMayReach(host: string): void;
  /**
   * Resolves a name for a connection, in place of the system's own: it connects to what was looked at, so that a name that
   * answers with another address the next time gains nothing.
   */
  readonly lookup: LookupFunction;
}

/** `allowed`: names and addresses that may be reached, whatever a name resolves to. */
export function createPublicHosts(allowed: readonly string[], ownAddresses = addressesOfMachine): PublicHosts {
  const names = new Set(allowed.map((host) => host.toLowerCase()));
  const isAllowed = (host: string) => names.has(host.toLowerCase());
  // Asked for each time: a machine gets addresses while it runs.
  const isPublic = (address: string) => isUnicast(address) && !new Set(ownAddresses().map(normal)).has(normal(address));
  return {
    isAllowed,
    assertMayReach(host) {
      const bare = host.replace(/^\[(.*)\]$/, '$1');
      if (ipaddr.isValid(bare) && !isPublic(bare) && !isAllowed(bare)) throw forbidden(host);
    },
    lookup(host, options, done) {
      lookup(host, { ...options, all: true }, (error, addresses) => {
        if (error) return done(error, '', 0);
        const usable = isAllowed(host) ? addresses : addresses.filter(({ address }) => isPublic(address));
        // One private address among public ones is as suspicious as one alone.
        if (usable.length < addresses.length || usable.length === 0) return done(forbidden(host), '', 0);
        answer(usable, options.all ?? false, done);
      });
    },
  };
}

type Done = Parameters<LookupFunction>[2];

function answer(addresses: LookupAddress[], isAll: boolean, done: Done): void {
  const { address, family } = addresses[0]!;
  if (isAll) done(null, addresses);
  else done(null, address, family);
}

function forbidden(host: string): ForbiddenHostError {
  return new ForbiddenHostError(`The host ${host} is on this machine or in a private network.`);
}

/** The public ones lead to services that a firewall keeps others from. */
function addressesOfMachine(): string[] {
  return Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address));
}

/** Of the metadata service of a cloud, in the middle of public ones. */
const METADATA_ADDRESS = '168.63.129.16';

/** Neither private, nor of a link, a group, a translator or anything else of its own kind. */
function isUnicast(address: string): boolean {
  return parse(address).range() === 'unicast' && normal(address) !== METADATA_ADDRESS;
}

function normal(address: string): string {
  return parse(address).toNormalizedString();
}

function parse(address: string) {
  return ipaddr.process(address.replace(/%.*$/, ''));
}
