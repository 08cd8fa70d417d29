//! Counting conditions as Sigma had them before it had correlations.
