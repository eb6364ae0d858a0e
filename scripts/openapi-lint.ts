import { readFileSync } from 'node:fs';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import spectralCore from '@stoplight/spectral-core';
import spectralParsers from '@stoplight/spectral-parsers';
import spectralOwasp from '@stoplight/spectral-owasp-ruleset';
import spectralRulesets from '@stoplight/spectral-rulesets';

/**
 * Looks at docs/openapi.json with the rules of Redocly ("recommended"), and with those of Spectral for OpenAPI and for
 * OWASP's list for APIs. Asks no other host. Fails when one of them finds an error; `--all` prints what else they say.
 */
const FILE = 'docs/openapi.json';
const SEVERITIES = ['error', 'warning', 'information', 'hint'] as const;

interface Finding {
  readonly severity: (typeof SEVERITIES)[number];
  readonly rule: string;
  readonly place: string;
  readonly message: string;
}

async function lintWithRedocly(source: string): Promise<Finding[]> {
  const config = await createConfig({ extends: ['recommended'] });
  const problems = await lintFromString({ source, absoluteRef: FILE, config });
  return problems.map(({ severity, ruleId, message, location }) => ({
    severity: severity === 'warn' ? 'warning' : 'error',
    rule: ruleId,
    place: location[0]?.pointer ?? '',
    message,
  }));
}

async function lintWithSpectral(source: string): Promise<Finding[]> {
  const { Spectral, Document, Ruleset } = spectralCore;
  const spectral = new Spectral();
  spectral.setRuleset(new Ruleset({ extends: [spectralRulesets.oas, spectralOwasp], rules: {} }));
  const results = await spectral.run(new Document(source, spectralParsers.Json as never, FILE));
  return results.map(({ severity, code, path, message }) => ({
    severity: SEVERITIES[severity],
    rule: String(code),
    place: path.join('/'),
    message,
  }));
}

const source = readFileSync(FILE, 'utf8');
let errors = 0;
for (const [name, lint] of Object.entries({ Redocly: lintWithRedocly, Spectral: lintWithSpectral })) {
  const findings = await lint(source);
  const found = findings.filter(({ severity }) => severity === 'error');
  for (const { severity, rule, place, message } of process.argv.includes('--all') ? findings : found) {
    console.log(`${severity} ${rule} ${place}: ${message}`);
  }
  console.log(`${name}: ${found.length} errors, ${findings.length - found.length} others`);
  errors += found.length;
}
if (errors > 0) process.exitCode = 1;
