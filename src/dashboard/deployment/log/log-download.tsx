import { Download } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../../elements/button.tsx';
import { useSession } from '../../session/session.ts';

interface LogDownloadProps {
  readonly deploymentId: string;
  readonly fileName: string;
}

/** The whole log as a text, without any filter. A link could not send the token. */
export function LogDownload({ deploymentId, fileName }: LogDownloadProps) {
  const token = useSession()!.token;
  const [state, setState] = useState<'idle' | 'running' | 'failed'>('idle');
  async function download(): Promise<void> {
    setState('running');
    try {
      const answer = await fetch(`/api/deploys/${encodeURIComponent(deploymentId)}/logs?timestamps=true`, {
        headers: { authorization: `Bearer ${token}`, accept: 'text/plain' },
      });
      if (!answer.ok) throw new Error(`The server answered with status ${answer.status}.`);
      saveAs(await answer.blob(), fileName);
      setState('idle');
    } catch {
      // Whatever it was, the user can only try again.
      setState('failed');
    }
  }
  return (
    <Button
      look="quiet"
      isRunning={state === 'running'}
      title={state === 'failed' ? 'It could not be downloaded. Click to try again.' : 'Download the whole log'}
      onClick={() => void download()}
    >
      {state !== 'running' && <Download aria-hidden="true" />}
      {state === 'failed' ? 'Try again' : 'Download'}
    </Button>
  );
}

function saveAs(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
