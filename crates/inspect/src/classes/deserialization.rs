//! Deserialisation: objects that run code when they are read back.
//!
//! Each language writes its objects in a form of its own, in text or in bytes; bytes travel in
//! base64, often packed. The form is read, and an object convicts by what it is made of: a class or a
//! function that does something by itself. Lists and numbers in the same form are data.

mod inflate;

use super::shared::{find, from, is_space, run, word_begins};
use super::{ClassRow, Evidence, View};
use crate::Class;
use crate::parts::Kind;
use crate::peel::base64_beginning;

pub(super) const CLASS: ClassRow = ClassRow {
    class: Class::Deserialization,
    summary: "a serialised object that runs code when read",
    literals: &[
        "ro0ab",
        "aced0005",
        "o:",
        "arrayobject",
        "splobjectstorage",
        "rememberme",
        "@type",
        "$type",
        "__type",
        "ysoserial",
        "aaeaaad",
        "/wey",
        "%2fwey",
        "gadget",
        "commons.collections",
        "_$$nd_func$$_",
        "__js_function",
        "\"py/",
        "!ruby/",
        "!!python",
        "!!com",
        "!!org",
        "!!java",
        "objectdataprovider",
        "com.sun.",
        "org.spring",
        "org.apache.",
        "javax.",
        "\"^o\"",
        // The first letters of base64: gzip, zlib, pickles, Ruby's and PHP's objects.
        "h4si",
        "ejx",
        "ejy",
        "ejz",
        "gasv",
        "gajj",
        "ganj",
        "baho",
        "bahv",
        "bahb",
        "y29z",
        "y3bvc2l4",
        "y19f",
        "y2j1awx0",
        "\nsystem\n",
        "\npopen\n",
        "\neval\n",
        "\nexec\n",
        "\ncall\n",
        "\nrun\n",
    ],
    kinds: 0,
    path_kinds: 0,
    header_kinds: 0,
    deaf: &[Kind::Agent],
    confirm,
};

/// Texts that stand in no value by accident.
const SIGNS: &[(&[u8], f64)] = &[
    (b"ro0abx", 0.9),
    (b"ro0abq", 0.8),
    (b"aced0005", 0.8),
    (b"aaeaaad/////", 0.8),
    (b"/weyxam", 0.75),
    (b"_$$nd_func$$_", 0.95),
    (b"\"__js_function\"", 0.8),
    (b"ysoserial", 0.9),
    (b"commons.collections", 0.8),
    (b"!ruby/object", 0.85),
    (b"!ruby/hash:", 0.85),
    (b"!ruby/struct:", 0.75),
    (b"!!python/object", 0.9),
    (b"!!python/name:", 0.85),
    (b"!!python/module:", 0.85),
    (b"\"py/reduce\"", 0.85),
    (b"\"py/object\"", 0.7),
    (b"\"py/type\"", 0.7),
    (b"objectdataprovider", 0.8),
    (b"\"^o\":\"", 0.6),
];
/// Packages whose classes act while they are put together.
const ACTING: &[&[u8]] = &[
    b"com.sun.rowset.",
    b"com.sun.org.apache.",
    b"com.mchange.",
    b"javax.naming.",
    b"javax.script.",
    b"javax.swing.",
    b"java.net.url",
    b"java.lang.",
    b"java.beans.",
    b"java.util.logging.filehandler",
    b"org.springframework.",
    b"org.apache.commons.",
    b"org.apache.xbean.",
    b"org.apache.shiro.",
    b"ch.qos.logback.",
    b"system.windows.",
    b"system.diagnostics.",
    b"system.configuration.install.",
    b"system.io.",
    b"system.data.services.",
    b"microsoft.visualstudio.",
];
/// Modules of Python whose functions act.
const MODULES: &[&[u8]] = &[
    b"os",
    b"posix",
    b"nt",
    b"subprocess",
    b"builtins",
    b"__builtin__",
    b"commands",
    b"pty",
    b"sys",
    b"shutil",
    b"runpy",
    b"importlib",
    b"socket",
    b"webbrowser",
    b"timeit",
    b"code",
    b"pickle",
];
/// What Ruby's chains of objects begin with.
const RUBY: &[&[u8]] =
    &[b"Gem::", b"ERB", b"ActiveSupport::", b"ActiveModel::", b"Rack::", b"Net::", b"Kernel"];
/// So much of an object is decoded: what it is made of stands at its beginning.
const DECODED_BYTES_MAX: usize = 1024;

fn confirm(view: &View<'_>) -> Option<Evidence> {
    let text = view.lower;
    if let Some((at, score)) =
        SIGNS.iter().find_map(|(sign, score)| Some((find(text, sign)?, *score)))
    {
        return Some(from(view, at, score));
    }
    if let Some((at, score)) = named(text) {
        return Some(from(view, at, score));
    }
    if let Some(at) = php_object(text) {
        return Some(from(view, at, 0.8));
    }
    if let Some(at) = pickle_text(view.text) {
        return Some(from(view, at, 0.9));
    }
    let bytes = base64_beginning(view.text, DECODED_BYTES_MAX)?;
    let unpacked = inflate::beginning(&bytes, DECODED_BYTES_MAX);
    let score = object(unpacked.as_deref().unwrap_or(&bytes))?;
    Some(from(view, 0, score))
}

/// `{"@type":"com.sun.…"}`, `["com.sun.…",{…}]`, `!!com.sun.… {…}`: a class named to a reader that makes
/// an object of whatever is named.
fn named(text: &[u8]) -> Option<(usize, f64)> {
    let mut best = None;
    for package in ACTING {
        let Some(at) = find(text, package) else { continue };
        let before = text.get(..at).unwrap_or_default();
        let key = before.strip_suffix(b"\"").map(<[u8]>::trim_ascii_end);
        let key = key.and_then(|before| before.strip_suffix(b":")).map(<[u8]>::trim_ascii_end);
        let typed = key.is_some_and(|before| {
            [&b"@type\""[..], b"$type\"", b"__type\"", b"@class\"", b"\"class\"", b"py/object\""]
                .iter()
                .any(|key| before.ends_with(key))
        });
        let listed = before.trim_ascii().ends_with(b"[\"") && find(text, b"\",").is_some();
        if typed || listed || before.ends_with(b"!!") {
            best = Some((at, 0.85));
            break;
        }
    }
    best
}

/// `O:8:"Exploit":1:{…` and `C:11:"ArrayObject":…` as PHP writes an object.
fn php_object(text: &[u8]) -> Option<usize> {
    let mut objects = memchr::memchr2_iter(b'o', b'c', text).take(OBJECTS_MAX);
    objects.find(|at| {
        let Some(rest) = text.get(at + 1..).and_then(|rest| rest.strip_prefix(b":")) else {
            return false;
        };
        // Old readers take a sign in front of the length, and old filters do not.
        let rest = rest.strip_prefix(b"+").unwrap_or(rest);
        let digits = run(rest, 0, |byte| byte.is_ascii_digit());
        let name = rest.get(digits..).and_then(|rest| rest.strip_prefix(b":\""));
        let counted = name.and_then(|name| {
            let length = run(name, 0, |byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'\\' | 128..)
            });
            name.get(length..)?.strip_prefix(b"\":")
        });
        let counted = counted.filter(|_| digits > 0 && word_begins(text, *at));
        counted.is_some_and(|rest| {
            let count = run(rest, 0, |byte| byte.is_ascii_digit());
            count > 0 && rest.get(count..).is_some_and(|rest| rest.starts_with(b":{"))
        })
    })
}

/// Most places looked at for an object of PHP's.
const OBJECTS_MAX: usize = 256;

/// Finds a call in a pickle of the first protocol: `cos\nsystem\n(S'id'\ntR.`
fn pickle_text(text: &[u8]) -> Option<usize> {
    let mut lines = 0;
    for line in memchr::memchr_iter(b'\n', text).take(PICKLE_LINES_MAX) {
        let start = lines;
        lines = line + 1;
        let first = text.get(start..line)?;
        // The opcode may follow others in its line: `(cos`, `tRcos`.
        let named = |at: usize| {
            let module = first.get(at + 1..).unwrap_or_default();
            first.get(at) == Some(&b'c') && MODULES.contains(&module)
        };
        let Some(at) = (0..first.len().min(PICKLE_LEAD_MAX)).find(|at| named(*at)) else {
            continue;
        };
        let rest = text.get(line + 1..)?;
        let name = run(rest, 0, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let ends = rest.get(name) == Some(&b'\n');
        let called = rest.get(name..).unwrap_or_default();
        let calls = called.iter().any(|byte| matches!(byte, b'R' | b'o' | b'i' | b'\x81'));
        if name > 0 && ends && calls && called.trim_ascii().ends_with(b".") {
            return Some(start + at);
        }
    }
    None
}

/// Most lines of a pickle looked at, and opcodes in front of one.
const PICKLE_LINES_MAX: usize = 64;
const PICKLE_LEAD_MAX: usize = 16;

/// Scores what decoded bytes are, if they are an object that acts.
fn object(bytes: &[u8]) -> Option<f64> {
    match bytes {
        [0xAC, 0xED, 0, 5, ..] => Some(0.9),
        [0, 1, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 1, ..] => Some(0.85),
        // The page's state of ASP.NET, with such an object inside.
        [0xFF, 1, 0x32, ..] => Some(0.75),
        [0x80, 2..=5, rest @ ..] => pickle_names(rest).then_some(0.9),
        [4, 8, rest @ ..] => RUBY.iter().any(|class| find(rest, class).is_some()).then_some(0.85),
        _ if bytes.iter().take(64).all(|byte| (32..127).contains(byte) || is_space(*byte)) => {
            let lower = bytes.to_ascii_lowercase();
            pickle_text(bytes).or_else(|| php_object(&lower)).map(|_| 0.85)
        }
        _ => None,
    }
}

/// Tells whether a pickle names a function of a module whose functions act: `cposix\nsystem\n`, or the
/// two names as counted strings.
fn pickle_names(bytes: &[u8]) -> bool {
    MODULES.iter().any(|module| {
        let counted = u8::try_from(module.len()).unwrap_or(u8::MAX);
        let short = [&[0x8C, counted][..], module].concat();
        let global = [&b"c"[..], module, b"\n"].concat();
        find(bytes, &short).is_some() || find(bytes, &global).is_some()
    })
}
