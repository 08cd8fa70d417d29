// Where something that pops up stands: below its anchor, and always within the window.

export function placeNear(popped: HTMLElement, anchor: DOMRect, side: 'start' | 'end' = 'start'): void {
  const gap = 4;
  const { offsetWidth: width, offsetHeight: height } = popped;
  const wanted = side === 'start' ? anchor.left : anchor.right - width;
  const left = Math.max(gap, Math.min(wanted, innerWidth - width - gap));
  const below = anchor.bottom + gap;
  const top = below + height <= innerHeight - gap ? below : Math.max(gap, anchor.top - gap - height);
  popped.style.left = `${left}px`;
  popped.style.top = `${top}px`;
}

/** Moves the focus among the buttons of a menu; to be hung on its `keydown`. */
export function moveInMenu(event: KeyboardEvent): void {
  const menu = event.currentTarget as HTMLElement;
  const items = [...menu.querySelectorAll<HTMLElement>('[role^="menuitem"]:not([disabled])')];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const steps: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
  const next = steps[event.key];
  if (next === undefined || items.length === 0) return;
  event.preventDefault();
  items[(next + items.length) % items.length]?.focus();
}
