//! What a line of a Fernet file costs, on one core: `cargo bench -p seal`.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints its figures")]

use std::hint::black_box;
use std::time::Instant;

use seal::Fernet;

const LINES: u32 = 500_000;

fn main() {
    for bytes in [100, 250, 738] {
        let fernet = Fernet::from_text(&Fernet::generate().unwrap()).unwrap();
        let text: Vec<u8> =
            (0..bytes).map(|at: u32| b' ' + u8::try_from(at % 90).unwrap()).collect();
        let token = fernet.seal(&text, 1).unwrap();
        let mut room = Vec::new();
        let mut open = |fernet: &Fernet| {
            black_box(fernet.open(black_box(token.as_bytes()), 1, &mut room).is_ok());
        };
        measure(&format!("open {bytes} bytes"), || open(&fernet));
        let others = (0..3).fold(String::new(), |all, _| all + &Fernet::generate().unwrap() + "\n");
        let fourth = Fernet::from_text(&others).unwrap();
        measure(&format!("refuse {bytes} bytes, three keys"), || open(&fourth));
        measure(&format!("seal {bytes} bytes"), || {
            black_box(fernet.seal(black_box(&text), 1).unwrap());
        });
    }
}

fn measure(what: &str, mut work: impl FnMut()) {
    let best = (0..3)
        .map(|_| {
            let begun = Instant::now();
            (0..LINES).for_each(|_| work());
            begun.elapsed()
        })
        .min()
        .unwrap();
    println!("{what:36} {:9.0} lines/s", f64::from(LINES) / best.as_secs_f64());
}
