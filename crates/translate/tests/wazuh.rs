//! Whole files of Wazuh's, and what no file may bring about.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fmt::Write as _;

use expect_test::expect_file;
use proptest::prelude::*;
use sigma::{RuleFile, RuleSet};
use translate::SourceFile;
use translate::wazuh::{Counting, Options, Translation, translate};

#[test]
fn files_of_the_usual_shapes() {
    for name in ["ssh", "web", "local", "refused"] {
        let folder = format!("{}/testdata", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(format!("{folder}/{name}.xml")).unwrap();
        let file = SourceFile { path: format!("{name}.xml"), text };
        let translation = translate(&[file], &[], &Options::default());
        expect_file![format!("{folder}/{name}.expected")].assert_eq(&shown(&translation));
        whole(&translation);
        loads(&translation);
    }
}

#[test]
fn rules_of_ones_own_build_on_a_set_that_stays_out() {
    let base = file("base.xml", BASE);
    let own = file(
        "own.xml",
        r#"<group name="own,">
          <rule id="9" level="8"><if_sid>2</if_sid><match>root</match><description>Root</description></rule>
          <rule id="10" level="9" frequency="3"><if_matched_sid>2</if_matched_sid><description>Often</description></rule>
          <rule id="3" level="11" overwrite="yes"><match>changed</match><description>Mine now</description></rule>
        </group>"#,
    );
    let options = Options { prefix: "lab".to_owned(), counting: Counting::Ossec };
    let translation = translate(&[own], &[base], &options);
    whole(&translation);
    assert_eq!(
        (translation.rules, translation.translated, translation.untranslated.len()),
        (3, 3, 0)
    );
    let text = &translation.files[0].text;
    let ids: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    // Rule 2 comes along for rule 10 to count, and keeps still.
    assert_eq!(ids, ["lab_2", "lab_3", "lab_9", "lab_10"]);
    assert!(text.contains("gte: 5"), "{text}");
    assert_eq!(text.matches("reports: false").count(), 1, "{text}");
}

const BASE: &str = r#"<group name="base,">
  <rule id="1" level="0" noalert="1"><decoded_as>sshd</decoded_as></rule>
  <rule id="2" level="5"><if_sid>1</if_sid><match>Failed</match><description>Failure</description></rule>
  <rule id="3" level="5"><if_sid>1</if_sid><match>old</match><description>Old</description></rule>
</group>"#;

#[test]
fn hostile_files_cost_little() {
    let chain = |count: usize| {
        let rule = |id: usize| {
            format!(
                r#"<rule id="{id}" level="3"><if_sid>{}</if_sid><match>a{id}</match></rule>"#,
                id + 1
            )
        };
        format!("<group name=\"x\">{}</group>", (1..=count).map(rule).collect::<String>())
    };
    let everyone = |count: usize| {
        let rule = |id: usize| {
            format!(
                r#"<rule id="{id}" level="3"><if_group>x</if_group><match>a{id}</match></rule>"#
            )
        };
        let first = r#"<rule id="99999" level="3"><match>a</match></rule>"#;
        format!("<group name=\"x\">{first}{}</group>", (1..=count).map(rule).collect::<String>())
    };
    // Each rule of a layer builds on each of the layer above it.
    let layers = || {
        let ids =
            |layer: usize| (layer * 8..layer * 8 + 8).map(|id| id.to_string()).collect::<Vec<_>>();
        let rule = |id: usize| {
            let above = if id < 8 {
                String::new()
            } else {
                format!("<if_sid>{}</if_sid>", ids(id / 8 - 1).join(","))
            };
            format!(r#"<rule id="{id}" level="3">{above}<match>a{id}</match></rule>"#)
        };
        (0..8 * 60).rev().map(rule).collect::<String>()
    };
    for text in [
        chain(20_000),
        everyone(5_000),
        format!(
            "<group><rule id=\"1\" level=\"1\"><match>{}</match></rule></group>",
            "a|".repeat(9_000)
        ),
        layers(),
        "<rule ".repeat(10_000),
        "<group>".repeat(10_000),
        format!("<rule id=\"1\" level=\"1\"><pcre2>{}</pcre2></rule>", "((a{99}){99}){99}"),
        format!("<rule id=\"1\" level=\"1\"><if_sid>{}</if_sid></rule>", "1,".repeat(100_000)),
    ] {
        let translation = translate(&[file("x.xml", &text)], &[], &Options::default());
        whole(&translation);
        assert!(!translation.untranslated.is_empty());
        assert!(translation.files.iter().all(|file| file.text.len() < 40 << 20));
    }
}

proptest! {
    /// Whatever a file holds, each rule of it is counted once, and nothing panics.
    #[test]
    fn every_rule_is_accounted_for(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)
    ) {
        let translation = translate(&[file("x.xml", &pieces.concat())], &[], &Options::default());
        whole(&translation);
        loads(&translation);
    }

    #[test]
    fn any_text_is_borne(text in r#"[<>/a-z="'!&;$\\ \n-]{0,200}"#) {
        whole(&translate(&[file("x.xml", &text)], &[], &Options::default()));
    }
}

const PIECES: &[&str] = &[
    "<group name=\"a,b\">",
    "</group>",
    "<rule id=\"1\" level=\"3\">",
    "<rule id=\"2\" level=\"0\">",
    "<rule id=\"3\" level=\"9\" frequency=\"4\" timeframe=\"60\">",
    "<rule id=\"4\" level=\"7\" overwrite=\"yes\">",
    "<rule id=\"4\" level=\"7\">",
    "</rule>",
    "<match>a|b</match>",
    "<match>!x$</match>",
    "<regex>^\\w+ (\\S+)</regex>",
    "<if_sid>1</if_sid>",
    "<if_sid>2,4</if_sid>",
    "<if_sid>3</if_sid>",
    "<if_group>a</if_group>",
    "<if_level>3</if_level>",
    "<if_matched_sid>1</if_matched_sid>",
    "<if_matched_sid>3</if_matched_sid>",
    "<if_matched_group>b</if_matched_group>",
    "<same_source_ip />",
    "<different_url />",
    "<srcip>!10.0.0.1</srcip>",
    "<decoded_as>sshd</decoded_as>",
    "<category>windows</category>",
    "<time>6 pm - 8 am</time>",
    "<var name=\"V\">v</var>",
    "<description>$V</description>",
    "<list field=\"x\">y</list>",
];

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

/// Checks that each rule is translated, folded or listed, and that the files hold what is said.
#[track_caller]
fn whole(translation: &Translation) {
    let listed = translation.untranslated.iter().filter(|fault| fault.rule.is_some()).count();
    let Translation { rules, translated, folded, .. } = translation;
    assert_eq!(*rules, translated + folded + listed);
    let told: usize = translation.files.iter().map(|file| file.rules).sum();
    let written: usize = translation
        .files
        .iter()
        .map(|file| file.text.matches("\n    reports: true\n").count())
        .sum();
    assert_eq!((told, written), (*translated, *translated));
}

/// Checks that the engine takes what came out.
#[track_caller]
fn loads(translation: &Translation) {
    let files: Vec<RuleFile> = translation
        .files
        .iter()
        .map(|file| RuleFile { path: file.source.clone(), text: file.text.clone() })
        .collect();
    let (_, faults) = RuleSet::load(&files);
    assert!(faults.is_empty(), "{faults:?}");
}

fn shown(translation: &Translation) -> String {
    let mut out = String::new();
    for file in &translation.files {
        writeln!(out, "# {} ({} rules)\n{}", file.source, file.rules, file.text).unwrap();
    }
    for fault in &translation.untranslated {
        writeln!(out, "! {fault}").unwrap();
    }
    for note in &translation.notes {
        writeln!(out, "~ {note}").unwrap();
    }
    let Translation { rules, translated, folded, .. } = translation;
    writeln!(out, "= {rules} rules: {translated} translated, {folded} folded").unwrap();
    out
}
