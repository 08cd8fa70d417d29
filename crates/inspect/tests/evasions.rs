//! What got past inspection once: each must be an attack of its class, wherever the value stands.

use inspect::{ATTACK_SCORE_MIN, Class, Request, Verdict, inspect};

const VALUES: &[(&str, Class)] = &[
    // Text that passes for base64 as well.
    (
        "7   unIoN  DiStInCt sELeCt    name from users-- dGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVy",
        Class::SqlInjection,
    ),
    // Behind a NUL nobody reads on.
    (
        "../../../../etc/passwd\0one two three four five six seven eight nine ten eleven twelve \
         thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty and so it goes on and \
         on until nobody knows what it was that stood before all of these many words of prose here \
         and there and everywhere in the value",
        Class::PathTraversal,
    ),
    // A shell runs words in quotes, and what redirects need no space.
    ("1&whoami>/var/www/o", Class::CommandInjection),
    ("&&id>/tmp/x", Class::CommandInjection),
    (";'whoami'", Class::CommandInjection),
    ("|\"id\"|cat", Class::CommandInjection),
    ("$(true&&id)", Class::CommandInjection),
    ("$(reboot)", Class::CommandInjection),
    ("$(halt)", Class::CommandInjection),
    ("$(shutdown)", Class::CommandInjection),
    ("$(history)", Class::CommandInjection),
    ("$(printenv)", Class::CommandInjection),
    // Backticks by the dozen make no Markdown.
    ("`````id`", Class::CommandInjection),
    ("1 `id` `id`", Class::CommandInjection),
    ("```\n``id`", Class::CommandInjection),
    ("```\n````id`", Class::CommandInjection),
    ("```\n``id`\n````", Class::CommandInjection),
    ("``````````````````1=`id`", Class::CommandInjection),
    ("http://localhost./", Class::ServerSideRequestForgery),
    ("http://localhost.localdomain:8080/x", Class::ServerSideRequestForgery),
];

#[test]
fn values_are_attacks() {
    let mut missed = Vec::new();
    for (value, class) in VALUES {
        let target = format!("/item?id={}", percent(value));
        let verdict = ask("GET", &target, &[], b"");
        if !is(&verdict, *class) {
            missed.push(format!("{value:?}: {:?}", verdict.findings));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// What the signs of a shell mean elsewhere.
#[test]
fn programs_and_markdown_are_silent() {
    for value in [
        "type A = \"true\" | \"false\" | \"date\"",
        "'sort'|'file'|'size'",
        "f(&id)",
        "f(a, &id)",
        "Vec<&w>",
        "items.map(|x| x.id)",
        "`cat`, `ls`, `pwd`",
        "- `cat`\n- `ls`\n",
        "```\ncat x\n```",
        "use `cat` or `ls` for it",
        "$(host) and $(files)",
    ] {
        let verdict = ask("GET", &format!("/item?id={}", percent(value)), &[], b"");
        assert!(!verdict.attack, "{value}: {:?}", verdict.findings);
    }
}

/// A field is no file because of another parameter's or another header's name.
#[test]
fn fields_that_pose_as_files() {
    for (disposition, content, class) in [
        (
            "name=\"id\"; x-filename=\"a\"",
            "ID3' UNION SELECT pass FROM users-- -",
            Class::SqlInjection,
        ),
        ("name=\"id\"\r\nX-Note: filename=a", "GIF89a' or 1=1-- -", Class::SqlInjection),
        ("name=\"f\"; x-filename=\"a.txt\"; filename=\"shell.php\"", "x", Class::MaliciousUpload),
        ("name=\"f\";\r\n filename=\"shell.php\"", "x", Class::MaliciousUpload),
    ] {
        let body = format!(
            "--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n--b--\r\n"
        );
        let headers = [("Content-Type", "multipart/form-data; boundary=b")];
        let verdict = ask("POST", "/", &headers, body.as_bytes());
        assert!(is(&verdict, class), "{disposition}: {verdict:?}");
    }
}

/// A script is found however many openings stand before it.
#[test]
fn a_shell_behind_many_openings() {
    let decoys = "<?php ".repeat(3000);
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=f; filename=a.jpg\r\n\r\n{decoys}{}\r\n--b--\r\n",
        "<?php eval($_POST[1]);"
    );
    let headers = [("Content-Type", "multipart/form-data; boundary=b")];
    let verdict = ask("POST", "/", &headers, body.as_bytes());
    let shell = |finding: &inspect::Finding| finding.evidence.contains("web shell");
    assert!(verdict.findings.iter().any(shell), "{verdict:?}");
}

fn is(verdict: &Verdict, class: Class) -> bool {
    let found =
        |finding: &inspect::Finding| finding.class == class && finding.score >= ATTACK_SCORE_MIN;
    verdict.findings.iter().any(found)
}

fn ask(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Verdict {
    inspect(&Request { method, target, version: "HTTP/1.1", headers, body, whole: true })
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
