//! The rules that come with the product.

use sigma::RuleFile;

/// Path below the folder `rules`, and text.
const SHIPPED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// Gives the files of rules that come with the product.
pub fn shipped_rules() -> Vec<RuleFile> {
    let file = |(path, text): &(&str, &str)| RuleFile {
        path: (*path).to_owned(),
        text: (*text).to_owned(),
    };
    SHIPPED.iter().map(file).collect()
}
