//! Decoy services: each plays one, records what is done to it, and does nothing that it is told.
