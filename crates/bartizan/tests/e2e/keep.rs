//! What is kept: shown, held, purged, merged, while the product runs and while it does not.

use std::path::Path;
use std::process::Output;

use crate::product::{Place, Product, bartizan};

fn store(config: &Path, words: &[&str]) -> Output {
    bartizan().arg("store").args(words).arg("--config").arg(config).output().unwrap()
}

fn told(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(text).unwrap()
}

#[test]
fn held_and_purged_beside_the_product_and_without_it() {
    let place = Place::new();
    let config = place
        .configure("[store.keep]\ndays = 90\n[[store.keep.sets]]\nmatch = \"sshd\"\ndays = 7\n");
    let product = Product::start(&config);
    let status = told(&store(&config, &["status"]));
    assert!(status.contains("sshd") && status.contains("7 days"), "{status}");
    let hold = store(&config, &["hold", "--from", "1d", "--reason", "case 1"]);
    assert!(hold.status.success(), "{}", told(&hold));
    assert!(told(&store(&config, &["holds"])).contains("case 1"));
    let merged = store(&config, &["compact"]);
    assert!(told(&merged).contains("the running process does it"), "{}", told(&merged));
    assert!(merged.status.success());
    product.stop();

    let released = store(&config, &["release", "1"]);
    assert!(released.status.success(), "{}", told(&released));
    let again = store(&config, &["release", "1"]);
    assert_eq!(again.status.code(), Some(1), "{}", told(&again));
    let merged = store(&config, &["compact"]);
    assert!(merged.status.success() && !told(&merged).contains("running"), "{}", told(&merged));
    let purge = ["purge", "--match", "user.name: nobody", "--reason", "none", "--yes"];
    let purged = store(&config, &purge);
    assert!(told(&purged).contains("0 events match"), "{}", told(&purged));
    assert!(purged.status.success());
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let place = Place::new();
    let config = place.configure("[[store.keep.sets]]\nmatch = \"user.name: (\"\n");
    let status = store(&config, &["status"]);
    assert_eq!(status.status.code(), Some(1));
    let told = told(&status);
    assert!(told.contains("store.keep.sets[0].match"), "{told}");
}
