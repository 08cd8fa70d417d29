//! Malicious upload: a file that runs, or makes others run, where it is put.
//!
//! The name is read as servers and file systems read it ([`name`]): what it ends in, what a second
//! ending hides, what a NUL, a semicolon or a stream cuts off. The content is read for what it is
//! ([`content`]): scripts, whatever they are called, and pictures that are scripts too. Together
//! they are held against what the sender declares.

mod content;
mod name;

use super::{RequestClassRow, Sign, Tell};
use crate::bytes;
use crate::magic::{self, Magic};
use crate::parts::{Coding, File, Kind, Part, PlaceRef, each_file};
use crate::peel::{self, Peeled, Peeling};
use crate::{Class, Layer, Request, site};
use name::Ending;

pub(super) const REQUEST_CLASS: RequestClassRow = RequestClassRow {
    class: Class::MaliciousUpload,
    summary: "a file that runs, or makes others run, where it is put",
    confirm,
};

/// Headers in which programs name the file that is the body.
const NAME_HEADERS: &[&str] = &["x-filename", "x_filename", "x.filename", "x-file-name"];

fn confirm(request: &Request<'_>, tell: &mut Tell<'_>) {
    each_file(request, &mut |file| judge(file, tell));
    for header in NAME_HEADERS {
        if let Some(filename) = site::header(request, header) {
            let file = File {
                place: PlaceRef::Header(header),
                filename: filename.as_bytes(),
                media: site::header(request, "content-type").unwrap_or_default().as_bytes(),
                content: request.body,
            };
            judge(&file, tell);
        }
    }
    // A file put where it is to be run (WebDAV, open servers).
    if request.method.eq_ignore_ascii_case("PUT") && !request.body.is_empty() {
        let path = request.target.split(['?', '#']).next().unwrap_or_default();
        let filename = path.rsplit('/').find(|segment| !segment.is_empty()).unwrap_or_default();
        let place = PlaceRef::Path;
        let script = content::script(request.body).is_some();
        if script && name::ending(filename.to_ascii_lowercase().as_bytes()) != Ending::Other {
            tell(Sign { score: 0.85, place, text: filename.as_bytes(), layers: &[] });
        }
    }
}

/// A reason to take a file for what it is not said to be.
struct Reason {
    score: f64,
    text: String,
}

fn judge(file: &File<'_>, tell: &mut Tell<'_>) {
    let mut best: Option<(Reason, Vec<Layer>)> = None;
    let mut consider = |reason: Option<Reason>, layers: &[Layer]| {
        if let Some(reason) = reason
            && best.as_ref().is_none_or(|(known, _)| known.score < reason.score)
        {
            best = Some((reason, layers.to_vec()));
        }
    };
    let kinds = bytes::kinds_of(file.filename);
    let part =
        Part { place: file.place, kind: Kind::Header, coding: Coding::Plain, text: file.filename };
    let mut look = |peeled: &Peeled<'_>| consider(judge_name(file, peeled.text), peeled.layers);
    look(&Peeled::bare(file.filename, kinds));
    if peel::may_be_encoded(&part, kinds) {
        peel::each_layer(&part, kinds, &mut Peeling::default(), &mut look);
    }
    // Some readers drop the backslash of a quoted pair: `x.p\\hp`.
    if file.filename.contains(&b'\\') {
        let plain: Vec<u8> = file.filename.iter().copied().filter(|byte| *byte != b'\\').collect();
        consider(judge_name(file, &plain), &[]);
    }
    consider(judge_content(file), &[]);
    if let Some((reason, layers)) = best {
        let text = format!("{}: {}", String::from_utf8_lossy(file.filename), reason.text);
        let (score, place) = (reason.score, file.place);
        tell(Sign { score, place, text: text.as_bytes(), layers: &layers });
    }
}

/// Judges the name, with what the content adds to it.
fn judge_name(file: &File<'_>, filename: &[u8]) -> Option<Reason> {
    let lower = filename.to_ascii_lowercase();
    let base = lower.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
    let reason = |score: f64, text: &str| Some(Reason { score, text: text.to_owned() });
    if name::configures(base) {
        return reason(0.85, "tells the server what to run");
    }
    let climbs = [&b"../"[..], b"..\\"].iter().any(|up| memchr::memmem::find(&lower, up).is_some());
    match (name::trick(base), name::ending(base)) {
        (Some(trick), _) => reason(0.9, trick),
        (None, Ending::Script) if climbs => reason(0.9, "a script that leaves its folder"),
        (None, Ending::Script) if content::script(file.content).is_some() => {
            reason(0.85, "a script by its name and its content")
        }
        (None, Ending::Script) => reason(0.6, "a script by its name"),
        (None, Ending::ScriptBefore) => reason(0.75, "a second ending hides the one that runs"),
        (None, Ending::Other) => None,
    }
}

/// Judges the content against the ending and the declared type.
fn judge_content(file: &File<'_>) -> Option<Reason> {
    let reason = |score: f64, text: String| Some(Reason { score, text });
    let magic = magic::of(file.content);
    let picture = name::is_picture(&file.filename.to_ascii_lowercase())
        || file.media.get(..6).is_some_and(|media| media.eq_ignore_ascii_case(b"image/"));
    if let Some(shell) = content::shell(file.content) {
        return reason(0.95, format!("a web shell ({shell})"));
    }
    if let Some(directive) = content::directive(file.content)
        && magic.is_none()
        && picture
    {
        return reason(0.8, format!("a server's directive ({directive}) named as a picture"));
    }
    if let Some(script) = content::script(file.content) {
        return match magic {
            Some(Magic::Image) => reason(0.9, format!("a picture that is a script too ({script})")),
            Some(_) => reason(0.75, format!("a file that is a script too ({script})")),
            None if picture => reason(0.9, format!("a script ({script}) named as a picture")),
            None => None,
        };
    }
    match magic {
        Some(Magic::Program) if picture => reason(0.75, "a program named as a picture".to_owned()),
        Some(Magic::Zip) => {
            let entry = content::climbing_entry(file.content)?;
            reason(0.85, format!("an archive whose entry leaves its folder ({entry})"))
        }
        Some(Magic::Image) => {
            let holds = memchr::memmem::find(file.content, b"META-INF/MANIFEST.MF").is_some();
            if holds {
                reason(0.7, "a picture that is a Java archive too".to_owned())
            } else {
                None
            }
        }
        Some(_) => None,
        None => {
            let script = content::drawn_script(file.content)?;
            reason(0.85, format!("a drawing (SVG) with script ({script})"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{quiet, request, said};
    use super::*;

    const CLASS: Class = Class::MaliciousUpload;
    const MULTIPART: (&str, &str) = ("Content-Type", "multipart/form-data; boundary=b");
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01<?xpacket begin='' <?= \x01";

    fn form(filename: &str, media: &str, content: &[u8]) -> Vec<u8> {
        let head = format!(
            "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"{filename}\"\r\nContent-Type: {media}\r\n\r\n"
        );
        [head.as_bytes(), content, b"\r\n--b--\r\n"].concat()
    }

    #[test]
    fn names_that_run() {
        for filename in [
            "shell.php",
            "SHELL.PhP5",
            "a.phtml",
            "x.jsp",
            "x.aspx",
            "shell.php.jpg",
            "shell. php",
            "shell.php ",
            "shell.php.",
            "shell.php%00.jpg",
            "shell.asp;.jpg",
            "shell.aspx::$DATA",
            "shell%2ephp",
            "shell%252ephp",
            "shell&#46;php",
            "../../shell.php",
            ".htaccess",
            "web.config",
            ".user.ini",
            "photo\u{202e}gpj.php",
        ] {
            said(CLASS, &request("POST", "/up", &[MULTIPART], form(filename, "image/png", b"x")));
        }
        said(CLASS, &request("POST", "/up", &[("X-Filename", "a.phtml")], "x"));
    }

    #[test]
    fn contents_that_run() {
        let jar = [&b"GIF89a"[..], &[0; 32], b"PK\x03\x04META-INF/MANIFEST.MF"].concat();
        let slip = b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0a\0\0\0../../x.sh";
        for (filename, media, content) in [
            ("a.jpg", "image/jpeg", &b"<?php system($_GET['c']); ?>"[..]),
            ("a.gif", "image/gif", b"GIF89a;<?php echo shell_exec($_GET['c']); ?>"),
            ("a.png", "image/png", b"\x89PNG\r\n\x1a\n....<?= `$_GET[0]` ?>"),
            ("a.txt", "text/plain", b"<%eval request(\"x\")%>"),
            ("a.txt", "text/plain", b"<?php @eval($_POST['x']);?>"),
            (
                "a.svg",
                "image/svg+xml",
                b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>",
            ),
            ("a.svg", "image/svg+xml", b"<?xml version=\"1.0\"?><svg onload=\"alert(1)\"></svg>"),
            ("a.svg", "image/svg+xml", b"<svg><a xlink:href=\"javascript:alert(1)\">x</a></svg>"),
            (
                "a.jpg",
                "image/jpeg",
                b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0\xb8\0\0\0\0\0\0\0\x40\0",
            ),
            ("a.jpg", "image/jpeg", b"AddType application/x-httpd-php .jpg"),
            ("a.gif", "image/gif", &jar),
            ("a.zip", "application/zip", slip),
        ] {
            said(CLASS, &request("POST", "/up", &[MULTIPART], form(filename, media, content)));
        }
        said(CLASS, &request("PUT", "/x.jsp/", &[], "<% Runtime.getRuntime().exec(\"id\"); %>"));
    }

    #[test]
    fn honest_files() {
        for (filename, media, content) in [
            ("photo.jpg", "image/jpeg", &b"\xff\xd8\xff\xe0\0\x10JFIF\0"[..]),
            ("photo.png", "image/jpeg", PNG),
            ("v1.2.3.tar.gz", "application/gzip", b"\x1f\x8b\x08\0"),
            ("report.final.pdf", "application/pdf", b"%PDF-1.7 \xe2 /JS (x)"),
            ("my.photo.of.asp.lake.jpg", "image/jpeg", b"\xff\xd8\xff\xe0"),
            ("safe.phpinfo", "text/plain", b"nothing"),
            ("notes.txt", "text/plain", b"In PHP one writes <?php echo 1; ?> to begin."),
            ("drawing.svg", "image/svg+xml", b"<svg xmlns=\"http://www.w3.org/2000/svg\"><path d=\"M0 0\"/><desc>online=1 script</desc></svg>"),
            ("page.xml", "text/xml", b"<?xml version=\"1.0\"?><a/>"),
            ("setup.exe", "application/octet-stream", b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0\xb8\0\0\0\0\0\0\0\x40\0"),
            ("script.py", "text/x-python", b"import os"),
            ("O'Brien; CV.docx", "application/msword", b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0a.xml"),
            ("", "application/octet-stream", b""),
        ] {
            quiet(CLASS, &request("POST", "/up", &[MULTIPART], form(filename, media, content)));
        }
        quiet(CLASS, &request("PUT", "/notes.txt", &[], "<?php echo 1;"));
        quiet(CLASS, &request("PUT", "/api/x.php", &[], "{\"a\":1}"));
    }
}
