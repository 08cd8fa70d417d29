//! The commands that set and read keys.

use super::keys::Keys;
use super::resp::{array, bulk, error, integer, nothing, simple};

/// Bounds how many keys an answer lists.
const LISTED_MAX: usize = 128;
/// Bounds the values of one answer: a short command may name one long value many times.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Answers a command on keys; nothing where it is none.
pub(super) fn answer(keys: &mut Keys, name: &str, raw: &[Vec<u8>]) -> Option<Vec<u8>> {
    let key = raw.get(1).map_or(&[][..], Vec::as_slice);
    let value = raw.get(2).map_or(&[][..], Vec::as_slice);
    Some(match (name, raw.len()) {
        ("set", 3..) => set(keys, &[(key, value)]),
        ("setex" | "psetex", 4) => set(keys, &[(key, raw.get(3).map_or(&[][..], Vec::as_slice))]),
        ("setnx", 3) if keys.get(key).is_some() => integer(0),
        ("setnx", 3) => {
            set(keys, &[(key, value)]).strip_prefix(b"+").map_or_else(full, |_| integer(1))
        }
        ("mset", 3..) if raw.len() % 2 == 1 => {
            let pairs: Vec<(&[u8], &[u8])> = raw
                .get(1..)
                .unwrap_or_default()
                .chunks_exact(2)
                .filter_map(|pair| Some((pair.first()?.as_slice(), pair.get(1)?.as_slice())))
                .collect();
            set(keys, &pairs)
        }
        ("append", 3) => {
            let whole = [keys.get(key).unwrap_or_default(), value].concat();
            match keys.set(key, &whole) {
                Ok(()) => integer(whole.len()),
                Err(_) => full(),
            }
        }
        ("get", 2) => keys.get(key).map_or_else(nothing, bulk),
        ("mget", 2..) => {
            let mut room = ANSWER_BYTES_MAX;
            let mut of = |key: &Vec<u8>| {
                let value = keys.get(key).filter(|value| value.len() <= room);
                room -= value.map_or(0, <[u8]>::len);
                value.map_or_else(nothing, bulk)
            };
            array(&raw.iter().skip(1).map(&mut of).collect::<Vec<_>>())
        }
        ("strlen", 2) => integer(keys.get(key).map_or(0, <[u8]>::len)),
        ("del" | "unlink", 2..) => {
            integer(raw.iter().skip(1).filter(|key| keys.remove(key)).count())
        }
        ("exists", 2..) => {
            integer(raw.iter().skip(1).filter(|key| keys.get(key).is_some()).count())
        }
        ("type", 2) => simple(keys.get(key).map_or("none", |_| "string")),
        ("ttl" | "pttl", 2) => integer(keys.get(key).map_or(-2, |_| -1)),
        ("expire" | "pexpire" | "persist", 2..) => {
            integer(u8::from(keys.get(key).is_some() && name != "persist"))
        }
        ("incr" | "decr", 2) => count(keys, key, if name == "incr" { 1 } else { -1 }),
        ("keys", 2) => listed(keys, key),
        ("scan", 2..) => array(&[bulk("0"), listed(keys, b"*")]),
        ("randomkey", 1) => {
            let first = keys.matching(b"*").next().map(bulk);
            first.unwrap_or_else(nothing)
        }
        _ => return None,
    })
}

fn set(keys: &mut Keys, pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
    for (key, value) in pairs {
        if keys.set(key, value).is_err() {
            return full();
        }
    }
    simple("OK")
}

fn count(keys: &mut Keys, key: &[u8], step: i64) -> Vec<u8> {
    let value = keys.get(key).unwrap_or(b"0");
    let number = std::str::from_utf8(value).ok().and_then(|text| text.parse::<i64>().ok());
    let Some(number) = number.and_then(|number| number.checked_add(step)) else {
        return error("ERR value is not an integer or out of range");
    };
    match keys.set(key, number.to_string().as_bytes()) {
        Ok(()) => integer(number),
        Err(_) => full(),
    }
}

fn listed(keys: &Keys, pattern: &[u8]) -> Vec<u8> {
    array(&keys.matching(pattern).take(LISTED_MAX).map(bulk).collect::<Vec<_>>())
}

fn full() -> Vec<u8> {
    error("OOM command not allowed when used memory > 'maxmemory'.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_not_told_many_times() {
        let mut keys = Keys::default();
        keys.set(b"k", &vec![b'x'; 60_000]).unwrap();
        let words = vec![b"k".to_vec(); 1_000];
        let answer = answer(&mut keys, "mget", &words).unwrap();
        assert!(answer.len() < 300_000, "{}", answer.len());
    }
}
