//! What a password answers to a challenge ([MS-NLMP] 3.3.2), to try the few that a decoy lets in.

use md5::{Digest, Md5};

use crate::octets::to_utf16;

/// The proof that NTLM version 2 sends before its `blob`.
pub(crate) fn proof(
    user: &str,
    domain: &str,
    password: &str,
    nonce: &[u8],
    blob: &[u8],
) -> [u8; 16] {
    let nt = md4(&to_utf16(password));
    let key = hmac_md5(&nt, &[&to_utf16(&user.to_uppercase()), &to_utf16(domain)]);
    hmac_md5(&key, &[nonce, blob])
}

/// HMAC (RFC 2104) with MD5.
fn hmac_md5(key: &[u8; 16], parts: &[&[u8]]) -> [u8; 16] {
    let padded = |pad: u8| {
        let mut block = [pad; 64];
        for (byte, of_key) in block.iter_mut().zip(key) {
            *byte ^= of_key;
        }
        block
    };
    let mut inner = Md5::new();
    inner.update(padded(0x36));
    for part in parts {
        inner.update(part);
    }
    let mut outer = Md5::new();
    outer.update(padded(0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

/// MD4 (RFC 1320), which Windows keeps passwords as.
fn md4(input: &[u8]) -> [u8; 16] {
    let mut data = input.to_vec();
    data.push(0x80);
    while data.len() % 64 != 56 {
        data.push(0);
    }
    data.extend(crate::octets::len64(input.len()).wrapping_mul(8).to_le_bytes());
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in data.chunks_exact(64) {
        let words: Vec<u32> = block
            .chunks_exact(4)
            .filter_map(|word| word.try_into().ok().map(u32::from_le_bytes))
            .collect();
        let mut now = state;
        for (round, (order, turns)) in ROUNDS.iter().enumerate() {
            for (place, turn) in order.iter().zip(turns.iter().cycle()) {
                let word = words.get(*place).copied().unwrap_or_default();
                now = step(now, round, word, *turn);
            }
        }
        for (sum, part) in state.iter_mut().zip(now) {
            *sum = sum.wrapping_add(part);
        }
    }
    let [a, b, c, d] = state.map(u32::to_le_bytes);
    let mut out = [0; 16];
    for (byte, of) in out.iter_mut().zip(a.into_iter().chain(b).chain(c).chain(d)) {
        *byte = of;
    }
    out
}

/// In which order each round takes the words of a block, and by how much it turns.
const ROUNDS: [([usize; 16], [u32; 4]); 3] = [
    ([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], [3, 7, 11, 19]),
    ([0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15], [3, 5, 9, 13]),
    ([0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15], [3, 9, 11, 15]),
];

fn step([a, b, c, d]: [u32; 4], round: usize, word: u32, turn: u32) -> [u32; 4] {
    let (mixed, constant) = match round {
        0 => ((b & c) | (!b & d), 0),
        1 => ((b & c) | (b & d) | (c & d), 0x5a82_7999),
        _ => (b ^ c ^ d, 0x6ed9_eba1),
    };
    let sum = a.wrapping_add(mixed).wrapping_add(word).wrapping_add(constant);
    [d, sum.rotate_left(turn), b, c]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::octets::{hex, len16};

    #[test]
    fn md4_is_that_of_the_standard() {
        assert_eq!(hex(&md4(b"")), "31d6cfe0d16ae931b73c59d7e0c089c0");
        assert_eq!(hex(&md4(b"abc")), "a448017aaf21d8525fc10ae87aa6729d");
        assert_eq!(hex(&md4(&to_utf16("Password"))), "a4f49c406510bdcab6824ee7c30fd852");
    }

    #[test]
    fn proof_is_that_of_the_specification() {
        // [MS-NLMP] 4.2.4: "User" of "Domain" with "Password", the client's challenge all 0xaa.
        let nonce = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
        let mut blob = vec![1, 1, 0, 0, 0, 0, 0, 0];
        blob.extend([0; 8]);
        blob.extend([0xaa; 8]);
        blob.extend([0; 4]);
        for (id, name) in [(2_u16, "Domain"), (1, "Server")] {
            blob.extend(id.to_le_bytes());
            blob.extend(len16(name.len() * 2).to_le_bytes());
            blob.extend(to_utf16(name));
        }
        blob.extend([0; 8]);
        let told = proof("User", "Domain", "Password", &nonce, &blob);
        assert_eq!(hex(&told), "68cd0ab851e51c96aabc927bebef6a1c");
    }
}
