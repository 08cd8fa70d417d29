//! Of what kind a new program is.

use super::Rare;
use super::label::{Label, Place};
use super::news::Kind;

impl Rare {
    /// Gives the kind of a new program.
    pub(super) fn kind(
        &mut self,
        (label, parent): (&Label, Option<&Label>),
        [known, explained, by_chance]: [bool; 3],
        group: u64,
    ) -> Kind {
        // What the first start of a new program starts is the same story.
        let new_parent = parent.is_some_and(|parent| {
            self.names.known(parent.program).is_none_or(|parent| parent.once)
        });
        let flags = [known, explained, by_chance, new_parent];
        let flags = flags.into_iter().fold(0, |marks, flag| marks << 1 | u8::from(flag));
        let by = parent.filter(|_| !new_parent).map_or(0, |parent| parent.program);
        Kind::of([flags, label.place.number()], (label.area, by), group)
    }

    /// Tells whether a start is a part of setting something up: what was downloaded starts an installer, or what it has
    /// unpacked into a folder for temporary files. A download that does so and is new is of another kind from then on.
    pub(super) fn sets_up(&mut self, machine: u64, (label, parent): (&Label, &Label)) -> bool {
        let unpacked = label.installs || label.place == Place::Temporary;
        if parent.place != Place::Downloaded || !unpacked {
            return false;
        }
        let by_itself = [machine, parent.program];
        for one in self.waiting.iter_mut().filter(|one| one.by_itself == by_itself) {
            // Once is enough.
            one.by_itself = [0; 2];
            one.kind = one.kind.that_sets_up();
            if let Some(program) = self.programs.known(one.program) {
                program.kind = one.kind;
            }
        }
        true
    }
}
