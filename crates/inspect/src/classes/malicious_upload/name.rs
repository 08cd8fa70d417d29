//! File names as servers and file systems read them. Everything is in lower case already.

/// What a name ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// A file that a web server runs.
    Script,
    /// Such an ending before another that hides it: `a.php.jpg`, which some servers run.
    ScriptBefore,
    /// Anything else.
    Other,
}

/// What web servers run by its ending.
const SCRIPTS: &[&[u8]] = &[
    b"php", b"php2", b"php3", b"php4", b"php5", b"php6", b"php7", b"php8", b"phtml", b"phtm",
    b"pht", b"phar", b"phps", b"pgif", b"shtml", b"asp", b"aspx", b"ashx", b"asmx", b"ascx",
    b"asa", b"cer", b"cdx", b"soap", b"jsp", b"jspx", b"jspf", b"jsw", b"jsv", b"jhtml", b"war",
    b"cfm", b"cfml", b"cfc", b"cgi", b"shtm", b"stm",
];
/// Those that hide well before another ending; the rest are words of file names too.
const HIDDEN: &[&[u8]] = &[
    b"php", b"php3", b"php4", b"php5", b"php7", b"phtml", b"phar", b"asp", b"aspx", b"jsp",
    b"jspx", b"cfm",
];
const PICTURES: &[&[u8]] =
    &[b".jpg", b".jpeg", b".png", b".gif", b".webp", b".bmp", b".ico", b".tif", b".tiff", b".avif"];
/// Files by which a folder tells the server what to run there.
const CONFIGURATIONS: &[&[u8]] = &[b".htaccess", b"web.config", b".user.ini", b".htpasswd"];

/// Gives what the name ends in.
pub(super) fn ending(name: &[u8]) -> Ending {
    let mut labels = name.rsplit(|byte| *byte == b'.').map(<[u8]>::trim_ascii);
    let last = labels.next().unwrap_or_default();
    let Some(before) = labels.next() else { return Ending::Other };
    if SCRIPTS.contains(&last) {
        return Ending::Script;
    }
    // `a.php.jpg` has a stem before it; `php.jpg` is a picture of that name.
    if HIDDEN.contains(&before) && labels.next().is_some_and(|stem| !stem.is_empty()) {
        return Ending::ScriptBefore;
    }
    Ending::Other
}

/// Tells whether the name is that of a picture.
pub(super) fn is_picture(name: &[u8]) -> bool {
    PICTURES.iter().any(|ending| name.ends_with(ending))
}

/// Tells whether the file configures the folder that it is put into.
pub(super) fn configures(name: &[u8]) -> bool {
    let bare = name.trim_ascii();
    CONFIGURATIONS.contains(&bare)
}

/// Names the trick by which the name ends in a script for one reader and not for another.
pub(super) fn trick(name: &[u8]) -> Option<&'static str> {
    let script = |name: &[u8]| ending(name) == Ending::Script;
    let stem = |byte: u8| {
        let at = name.iter().position(|other| *other == byte)?;
        name.get(..at)
    };
    if stem(b'\0').is_some_and(script) {
        return Some("a NUL cuts off what follows the ending that runs");
    }
    if stem(b';').is_some_and(script) {
        return Some("a semicolon cuts off what follows the ending that runs");
    }
    if stem(b':').is_some_and(script) {
        return Some("a stream's name follows the ending that runs");
    }
    if stem(b'\n').is_some_and(script) {
        return Some("a line break follows the ending that runs");
    }
    // Left-to-right and right-to-left marks show another name than there is.
    let turned = [&b"\xe2\x80\xae"[..], b"\xe2\x80\xad", b"\xe2\x80\xab"];
    if turned.iter().any(|mark| memchr::memmem::find(name, mark).is_some()) {
        return Some("a mark turns the name around for readers");
    }
    let bare = name.trim_ascii_end();
    let bare = bare.strip_suffix(b".").map_or(bare, |bare| trim_dots(bare));
    let blank = name.windows(2).any(|pair| pair == b". ");
    if (bare.len() < name.len() || blank) && ending(bare) != Ending::Other {
        return Some("dots or blanks hide the ending that runs");
    }
    None
}

fn trim_dots(mut name: &[u8]) -> &[u8] {
    while let [rest @ .., b'.' | b' '] = name {
        name = rest;
    }
    name
}
