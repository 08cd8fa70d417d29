// What the server found wrong with the query in the address, for the bar to mark.

export interface QueryFault {
  query: string;
  /** From 1, in characters. */
  column: number | null;
  message: string;
}

class Query {
  fault = $state.raw<QueryFault | null>(null);
  /** Grows when the same query is asked for once more. */
  again = $state(0);
}

export const query = new Query();
