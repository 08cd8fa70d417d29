// Who answers which key: the page on top first, the frame last.

import { Keyboard, takesText, type Command } from '../text/keys';

export type Answers = Partial<Record<Command, () => void>>;

export const keyboard = new Keyboard();
const layers: Answers[] = [];

/** Puts answers on top until what it gives is called; made to be returned from an effect. */
export function answering(answers: Answers): () => void {
  layers.push(answers);
  return () => {
    const at = layers.indexOf(answers);
    if (at >= 0) layers.splice(at, 1);
  };
}

/** Hears every key of the window. */
export function hearKey(event: KeyboardEvent): void {
  const target = event.target instanceof HTMLElement ? event.target : null;
  // A dialog or a menu that is open has the keyboard to itself.
  if (event.defaultPrevented || document.querySelector('dialog[open], [popover]:popover-open')) return;
  const command = arrow(event, target) ?? keyboard.press({
    key: event.key,
    ctrlKey: event.ctrlKey,
    metaKey: event.metaKey,
    altKey: event.altKey,
    at: event.timeStamp,
    typing: takesText(target),
  });
  if (!command) return;
  if (command === 'open' && target?.closest('a, button, summary, [role="tab"]')) return;
  for (const layer of layers.toReversed()) {
    const answer = layer[command];
    if (!answer) continue;
    event.preventDefault();
    answer();
    return;
  }
}

/** Within a table the arrows move as j and k do, whether letters are on or off. */
function arrow(event: KeyboardEvent, target: HTMLElement | null): Command | null {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return null;
  if (!target?.closest('[role="grid"]') || takesText(target)) return null;
  return event.key === 'ArrowDown' ? 'next' : event.key === 'ArrowUp' ? 'previous' : null;
}
