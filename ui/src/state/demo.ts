// Sample traffic: on and off, from wherever it is asked for.

import * as api from '../api/calls';
import { asProblem } from '../api/client';
import { live } from './live.svelte';
import { notices } from './notices.svelte';

/** Starts or stops the sample traffic; gives whether that worked. */
export async function switchDemo(action: 'start' | 'stop'): Promise<boolean> {
  try {
    live.simulation = await api.simulate(action);
    return true;
  } catch (error) {
    notices.failed(`The sample traffic was not ${action === 'start' ? 'started' : 'stopped'}: ${asProblem(error).message}`);
    return false;
  }
}
