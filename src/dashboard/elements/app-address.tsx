/** Where an app answers, as short as it can be said. */
export function AppAddress({ url, className }: { url: string; className?: string }) {
  return (
    <a href={url} rel="noreferrer" className={className}>
      {new URL(url).host}
    </a>
  );
}
