import bash from '../../../plugin/completion/kubectl-eck.bash' with { type: 'text' };
import fish from '../../../plugin/completion/kubectl-eck.fish' with { type: 'text' };
import powershell from '../../../plugin/completion/kubectl-eck.ps1' with { type: 'text' };
import zsh from '../../../plugin/completion/kubectl-eck.zsh' with { type: 'text' };
import type { Shell } from './shells.js';

/** The script that teaches a shell to complete kubectl-eck. Loading one starts no process. */
export const completionScripts: Readonly<Record<Shell, string>> = { bash, zsh, fish, powershell };
