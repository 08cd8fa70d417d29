//! What an uploaded file holds.
//!
//! Pictures hold any bytes by accident: two or three of them prove nothing, so that scripts are
//! known by their opening tag and what must follow it.

use memchr::memmem;

/// Longest text behind a script's opening that is read, in bytes.
const SCRIPT_BYTES_MAX: usize = 4_096;
/// Longest beginning of a script that tells its language, in bytes.
const TAG_BYTES_MAX: usize = 256;
/// Most places of one file looked at where a script could begin.
const OPENINGS_MAX: usize = 4_096;
/// Most attributes looked at in one tag.
const ATTRIBUTES_MAX: usize = 64;
/// Most scripts of one file searched for what they do.
const SCRIPTS_MAX: usize = 64;
/// Most entries of an archive looked at.
const ENTRIES_MAX: usize = 1_024;
/// Longest beginning of a text file searched for tags and directives, in bytes.
const TEXT_BYTES_MAX: usize = 64 * 1_024;

/// What PHP, ASP and JSP read from a request.
const INPUTS: &[&[u8]] = &[
    b"$_get",
    b"$_post",
    b"$_request",
    b"$_cookie",
    b"$_server",
    b"$_files",
    b"php://input",
    b"getallheaders",
    b"request(",
    b"request.item",
    b"request.form",
    b"request.querystring",
    b"request[",
    b"request.getparameter",
    b"request.getheader",
    b"request.getinputstream",
];
/// What runs a text.
const SINKS: &[&[u8]] = &[
    b"eval",
    b"assert",
    b"system",
    b"exec",
    b"passthru",
    b"shell_exec",
    b"popen",
    b"proc_open",
    b"pcntl_exec",
    b"create_function",
    b"call_user_func",
    b"array_map",
    b"preg_replace",
    b"include",
    b"require",
    b"`",
    b"getruntime",
    b"processbuilder",
    b"wscript.shell",
    b"process.start",
    b"execute",
    b"defineclass",
    b"move_uploaded_file",
    b"file_put_contents",
    b"base64_decode",
    b"gzinflate",
    b"str_rot13",
];
/// Names that authors of web shells gave them.
const SHELLS: &[&[u8]] = &[
    b"filesman",
    b"c99shell",
    b"r57shell",
    b"b374k",
    b"wso_version",
    b"weevely",
    b"indoxploit",
    b"alfa team",
    b"antichat",
    b"p0wny",
    b"regeorg",
    b"behinder",
    b"godzilla_",
];

/// What stands in a script's tag, and not in another language's `<%`.
const PAGE_WORDS: &[&[u8]] = &[
    b"@ page",
    b"@page",
    b"@ import",
    b"eval",
    b"execute",
    b"request",
    b"response.write",
    b"runtime.getruntime",
    b"processbuilder",
    b"out.print",
    b"server.createobject",
    b"system.diagnostics",
    b"java.io",
    b"java.util",
    b"class ",
];

/// Names the language of a script that stands in `content`.
pub(super) fn script(content: &[u8]) -> Option<&'static str> {
    openings(content).map(|(_, language)| language).next()
}

/// Names a web shell: a script that runs what it is sent.
pub(super) fn shell(content: &[u8]) -> Option<&'static str> {
    let mut unread = 0;
    // A window reaches as far as the last opening in it may: what begins there is read with it.
    let apart = openings(content).filter(|(at, _)| {
        let begins = *at >= unread;
        unread = if begins { at + SCRIPT_BYTES_MAX / 2 } else { unread };
        begins
    });
    apart.take(SCRIPTS_MAX).find_map(|(at, language)| {
        let rest = content.get(at..)?;
        let code = rest.get(..SCRIPT_BYTES_MAX / 2 * 3).unwrap_or(rest).to_ascii_lowercase();
        let holds = |words: &[&[u8]]| words.iter().any(|word| memmem::find(&code, word).is_some());
        (holds(SHELLS) || (holds(INPUTS) && holds(SINKS))).then_some(language)
    })
}

/// Gives where every script begins, and its language.
fn openings(content: &[u8]) -> impl Iterator<Item = (usize, &'static str)> {
    let tags = memchr::memchr_iter(b'<', content).filter_map(move |at| {
        let rest = content.get(at..)?;
        matches!(rest.get(1), Some(b'?' | b'%' | b's' | b'S')).then_some((at, rest))
    });
    tags.take(OPENINGS_MAX).filter_map(|(at, code)| Some((at, language(code)?)))
}

/// Tells which language begins at the start of `code`.
fn language(code: &[u8]) -> Option<&'static str> {
    let starts =
        |text: &[u8]| code.get(..text.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(text));
    if starts(b"<?php") && !code.get(5).is_some_and(u8::is_ascii_alphanumeric) {
        return Some("PHP");
    }
    if starts(b"<?=") {
        // The expression that follows: a variable, a call, a string, a command.
        let rest = code.get(3..).unwrap_or_default().trim_ascii_start();
        let printable =
            rest.len() >= 4 && rest.iter().take(8).all(|byte| (b' '..=b'~').contains(byte));
        return (printable && matches!(rest.first(), Some(b'$' | b'`' | b'@' | b'a'..=b'z')))
            .then_some("PHP");
    }
    if starts(b"<script language=\"php\"") || starts(b"<script language=php") {
        return Some("PHP");
    }
    if starts(b"<script runat=\"server\"") || starts(b"<script language=\"c#\" runat=\"server\"") {
        return Some("ASP.NET");
    }
    if !starts(b"<%") {
        return None;
    }
    let inside = code.get(2..TAG_BYTES_MAX).or_else(|| code.get(2..)).unwrap_or_default();
    let inside = inside.trim_ascii_start().to_ascii_lowercase();
    PAGE_WORDS.iter().any(|word| memmem::find(&inside, word).is_some()).then_some("ASP or JSP")
}

/// Names a directive by which a server is told to run files of another ending.
pub(super) fn directive(content: &[u8]) -> Option<&'static str> {
    let text = content.get(..TEXT_BYTES_MAX).unwrap_or(content).to_ascii_lowercase();
    [
        ("AddType", &b"addtype application/x-httpd"[..]),
        ("AddHandler", b"addhandler "),
        ("SetHandler", b"sethandler "),
        ("auto_prepend_file", b"auto_prepend_file"),
        ("auto_append_file", b"auto_append_file"),
    ]
    .into_iter()
    .find_map(|(name, sign)| memmem::find(&text, sign).map(|_| name))
}

/// Names the script in a drawing, where the file is one.
pub(super) fn drawn_script(content: &[u8]) -> Option<&'static str> {
    let text = content.get(..TEXT_BYTES_MAX).unwrap_or(content).to_ascii_lowercase();
    let start = memmem::find(&text, b"<svg")?;
    let text = text.get(start..)?;
    let mut tags = text.split(|byte| *byte == b'<').skip(1);
    tags.find_map(|tag| {
        // Attributes end with the tag; a script's text is not needed.
        let tag = tag.get(..memchr::memchr(b'>', tag).unwrap_or(tag.len()))?;
        let name =
            tag.iter().take_while(|byte| !byte.is_ascii_whitespace() && **byte != b'/').count();
        let name = tag.get(..name)?;
        let name = name.rsplit(|byte| *byte == b':').next().unwrap_or_default();
        if name == b"script" {
            return Some("a script element");
        }
        if matches!(name, b"iframe" | b"embed" | b"object") {
            return Some("a document inside");
        }
        if handler(tag) {
            return Some("an event handler");
        }
        let plain: Vec<u8> =
            tag.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        memmem::find(&plain, b"href=\"javascript:")
            .or_else(|| memmem::find(&plain, b"href='javascript:"))
            .map(|_| "a javascript: address")
    })
}

/// Tells whether a tag has an attribute `on…=`.
fn handler(tag: &[u8]) -> bool {
    memmem::find_iter(tag, b"on").take(ATTRIBUTES_MAX).any(|at| {
        let begins = at
            .checked_sub(1)
            .and_then(|before| tag.get(before))
            .is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'\''));
        let rest = tag.get(at + 2..).unwrap_or_default();
        let name = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let equals = rest.get(name..).is_some_and(|rest| rest.trim_ascii_start().starts_with(b"="));
        begins && name >= 3 && equals
    })
}

/// Gives the name of an entry of a ZIP archive that leaves the folder it is unpacked into.
pub(super) fn climbing_entry(content: &[u8]) -> Option<String> {
    const NAME_AT: usize = 30;
    memmem::find_iter(content, b"PK\x03\x04").take(ENTRIES_MAX).find_map(|at| {
        let head = content.get(at..)?;
        let length = usize::from(u16::from_le_bytes([*head.get(26)?, *head.get(27)?]));
        let name = head.get(NAME_AT..NAME_AT + length.min(512)).or_else(|| head.get(NAME_AT..))?;
        let climbs = name.starts_with(b"../")
            || name.starts_with(b"..\\")
            || memmem::find(name, b"/../").is_some()
            || memmem::find(name, b"\\..\\").is_some();
        climbs.then(|| String::from_utf8_lossy(name).into_owned())
    })
}
