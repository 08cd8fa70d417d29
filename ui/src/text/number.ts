// Numbers for the screen.

const EXACT = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

/** `1,204,551` */
export function exact(number: number): string {
  return EXACT.format(number);
}

/** `1.2 M`, for counters; the exact value belongs into the title. */
export function rough(number: number): string {
  const size = Math.abs(number);
  if (size < 10) return EXACT.format(number);
  if (size < 10_000) return exact(Math.round(number));
  const steps: [number, string][] = [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ];
  for (const [step, sign] of steps) {
    if (size >= step) return `${EXACT.format(Math.floor((number / step) * 10) / 10)} ${sign}`;
  }
  return exact(number);
}

/** `48.3 MB` */
export function bytes(number: number): string {
  if (number < 1000) return `${number} B`;
  return `${rough10(number / 1000)}B`;
}

function rough10(thousands: number): string {
  const signs = ['k', 'M', 'G', 'T', 'P'];
  let value = thousands;
  let step = 0;
  while (value >= 1000 && step < signs.length - 1) {
    value /= 1000;
    step += 1;
  }
  return `${EXACT.format(value)} ${signs[step] ?? ''}`;
}

export function percent(part: number, whole: number): string {
  if (whole <= 0) return '';
  const value = (part / whole) * 100;
  return value > 0 && value < 1 ? '<1 %' : `${Math.round(value)} %`;
}

/** `1 event`, `2 events` */
export function counted(number: number, one: string, many = `${one}s`): string {
  return `${exact(number)} ${number === 1 ? one : many}`;
}
