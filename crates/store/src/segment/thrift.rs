//! Thrift's compact protocol, as far as Parquet's own structures need it.

/// What a field holds. A structure's fields are read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'b> {
    Number(i64),
    Bytes(&'b [u8]),
    Flag(bool),
    Struct,
    /// Eight bytes of a fraction.
    Fraction,
    /// So many elements of one kind.
    List {
        kind: u8,
        count: usize,
    },
}

/// Bounds how deep what is skipped may nest.
const DEPTH_MAX: usize = 8;

/// Reads fields one after another.
pub(super) struct Fields<'b> {
    rest: &'b [u8],
    /// The number of the last field, of each structure that is open.
    last: Vec<i64>,
}

impl<'b> Fields<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes, last: vec![0] }
    }

    /// Gives what was not read.
    pub(super) fn rest(&self) -> &'b [u8] {
        self.rest
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let number = self.varint()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// Gives the next field with its number, or `Some(None)` where the structure ends; `None` is
    /// damage.
    #[expect(clippy::option_option, reason = "damage is not an end")]
    pub(super) fn next(&mut self) -> Option<Option<(i64, Found<'b>)>> {
        let head = self.byte()?;
        if head == 0 {
            self.last.pop();
            return Some(None);
        }
        let step = i64::from(head >> 4);
        let last = *self.last.last()?;
        let number = if step == 0 { self.zigzag()? } else { last + step };
        *self.last.last_mut()? = number;
        let found = self.value(head & 0x0f)?;
        Some(Some((number, found)))
    }

    fn value(&mut self, kind: u8) -> Option<Found<'b>> {
        Some(match kind {
            1 | 2 => Found::Flag(kind == 1),
            3 => Found::Number(i64::from(self.byte()?)),
            4..=6 => Found::Number(self.zigzag()?),
            7 => {
                self.rest = self.rest.get(8..)?;
                Found::Fraction
            }
            8 => {
                let length = usize::try_from(self.varint()?).ok()?;
                let (bytes, rest) = self.rest.split_at_checked(length)?;
                self.rest = rest;
                Found::Bytes(bytes)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = match head >> 4 {
                    15 => usize::try_from(self.varint()?).ok()?,
                    few => usize::from(few),
                };
                Found::List { kind: head & 0x0f, count }
            }
            12 => {
                self.last.push(0);
                Found::Struct
            }
            _ => return None,
        })
    }

    /// Goes past what a field holds.
    pub(super) fn skip(&mut self, found: Found<'_>) -> Option<()> {
        self.skip_at(found, 0)
    }

    fn skip_at(&mut self, found: Found<'_>, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        match found {
            Found::Struct => {
                while let Some((_, found)) = self.next()? {
                    self.skip_at(found, depth + 1)?;
                }
            }
            Found::List { kind, count } => {
                for _ in 0..count {
                    // Truth values have a byte of their own in lists.
                    let found = if matches!(kind, 1 | 2) {
                        Found::Flag(self.byte()? == 1)
                    } else {
                        self.value(kind)?
                    };
                    self.skip_at(found, depth + 1)?;
                }
            }
            Found::Number(_) | Found::Bytes(_) | Found::Flag(_) | Found::Fraction => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_structure() {
        // 1: 7; 3: { 1: "ab" }; 4: [1, 2] of numbers; end
        let bytes = [0x15, 14, 0x2c, 0x18, 2, b'a', b'b', 0, 0x19, 0x25, 2, 4, 0, 99];
        let mut fields = Fields::new(&bytes);
        assert_eq!(fields.next(), Some(Some((1, Found::Number(7)))));
        assert_eq!(fields.next(), Some(Some((3, Found::Struct))));
        assert_eq!(fields.next(), Some(Some((1, Found::Bytes(b"ab")))));
        assert_eq!(fields.next(), Some(None));
        let list = Found::List { kind: 5, count: 2 };
        assert_eq!(fields.next(), Some(Some((4, list))));
        fields.skip(list).unwrap();
        assert_eq!(fields.next(), Some(None));
        assert_eq!(fields.rest(), [99]);
    }

    proptest! {
        #[test]
        fn damage_ends(bytes: Vec<u8>) {
            let mut fields = Fields::new(&bytes);
            while let Some(Some((_, found))) = fields.next() {
                if fields.skip(found).is_none() {
                    break;
                }
            }
        }
    }
}
