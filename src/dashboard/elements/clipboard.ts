/** Rejects when the browser does not let it. */
export async function copyText(text: string, near: HTMLElement): Promise<void> {
  // Browsers have a clipboard for pages only that come over TLS or from the same machine.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.readOnly = true;
  area.className = 'visually-hidden';
  // Beside the button: what is outside of a dialog cannot be selected while it is open.
  near.after(area);
  area.select();
  const isCopied = document.execCommand('copy');
  area.remove();
  near.focus();
  if (!isCopied) throw new Error('The browser did not copy.');
}
