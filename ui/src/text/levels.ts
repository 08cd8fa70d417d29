// The levels as the charts stack them: the worst at the bottom, where a change is seen best.

import type { Level } from '../api/types';

export const LEVEL_SERIES: { name: string; level: Level; token: string }[] = [
  { name: 'critical', level: 'critical', token: '--critical' },
  { name: 'high', level: 'high', token: '--high' },
  { name: 'medium', level: 'medium', token: '--medium' },
  { name: 'low', level: 'low', token: '--low' },
  { name: 'info', level: 'informational', token: '--informational' },
];
