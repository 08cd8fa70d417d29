//! What people and programs send, as wide as the attacks are.

use super::Dice;

/// Makes one honest value.
pub(crate) type Make = fn(&mut Dice) -> String;

/// What is made, by name.
pub(crate) const GRAMMARS: &[(&str, Make)] = &[
    ("name", name),
    ("address", address),
    ("measure", measure),
    ("sentence", sentence),
    ("quotation", quotation),
    ("code question", code_question),
    ("markdown", markdown),
    ("sql talk", sql_talk),
    ("json", json),
    ("graphql", graphql),
    ("token", token),
    ("odata", odata),
    ("css", css),
    ("math", math),
    ("link", link),
    ("markup", markup),
    ("placeholder", placeholder),
    ("file", file),
    ("list", list),
    ("log line", log_line),
];

const NOUNS: &[&str] = &[
    "table", "order", "group", "user", "union", "script", "window", "report", "update", "index",
    "file", "cat", "shell", "node", "list", "road", "database", "password", "cookie", "event",
    "garden", "station",
];
const VERBS: &[&str] = &[
    "select", "drop", "update", "delete", "insert", "find", "join", "load", "print", "echo",
    "call", "exec", "sleep", "like", "sort", "kill", "want", "need", "cut",
];
const FILL: &[&str] = &[
    "the", "a", "my", "from", "where", "and", "or", "not", "with", "into", "by", "in", "on", "all",
    "is", "as", "having", "between", "when", "then",
];

fn words(dice: &mut Dice, least: usize) -> String {
    let count = least + dice.roll(6);
    (0..count)
        .map(|_| match dice.roll(4) {
            0 => dice.pick(NOUNS).to_owned(),
            1 => dice.pick(VERBS).to_owned(),
            2 => dice.pick(FILL).to_owned(),
            _ => dice.word(),
        })
        .collect::<Vec<_>>()
        .join(" ")
}

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}

fn name(dice: &mut Dice) -> String {
    let (first, last) = (capital(&dice.word()), capital(&dice.word()));
    match dice.roll(7) {
        0 => format!("{first} O'{last}"),
        1 => format!("{first} D'{last}-{}", capital(&dice.word())),
        2 => format!("{last}, {first} (Dr.)"),
        3 => format!("{first} \"{}\" {last}", capital(&dice.word())),
        4 => format!("{first} & {last} Ltd."),
        5 => format!("{last} y {first} #{}", dice.roll(90)),
        _ => format!("{first} {last} <{}@example.org>", dice.word()),
    }
}

fn address(dice: &mut Dice) -> String {
    let street = capital(&dice.word());
    match dice.roll(5) {
        0 => format!(
            "{} {street} St; Apt #{}, {}",
            dice.number(),
            dice.roll(99),
            capital(&dice.word())
        ),
        1 => format!("c/ {street} {}, {}-d", dice.roll(200), dice.roll(9)),
        2 => format!("Rue de l'{street} {} -- B.P. {}", dice.roll(99), dice.number()),
        3 => format!("{street}str. {}/{} (Hof)", dice.roll(99), dice.roll(30)),
        _ => format!(
            "{street}'s Lane {} | {} {}",
            dice.roll(99),
            dice.number(),
            capital(&dice.word())
        ),
    }
}

fn measure(dice: &mut Dice) -> String {
    let (a, b) = (dice.roll(12) + 1, dice.roll(12) + 1);
    match dice.roll(8) {
        0 => format!("{a}'{b}\" tall"),
        1 => format!("{a}\" x {b}\" frame"),
        2 => format!("{a}/{b}\" - {b}\" {}", dice.word()),
        3 => format!("${a}.99 - ${b}0.00"),
        4 => format!("{a} > {b} && {b} < {a}0"),
        5 => format!("{a}0% off; now ${b}"),
        6 => format!("{a}-{b}-{a}"),
        _ => format!("+{a}{b} ({a}00) {b}55-0{a}"),
    }
}

fn sentence(dice: &mut Dice) -> String {
    let end = dice.pick(&[".", "?", "!", ";", " ...", " :-)", " -- thanks"]);
    format!(
        "{}{} {}{end}",
        capital(&words(dice, 3)),
        dice.pick(&[",", ";", " -", " &", ":", " |"]),
        words(dice, 2)
    )
}

fn quotation(dice: &mut Dice) -> String {
    let quote = dice.pick(&["'", "\""]);
    let (word, rest) = (
        dice.pick(&["or", "and", "like", "union", "select", "script", "drop", "not"]),
        words(dice, 2),
    );
    match dice.roll(5) {
        0 => format!("{} {quote}{word}{quote} {rest}", words(dice, 1)),
        1 => format!("{quote}{word}{quote} {rest}"),
        2 => format!("{quote}{rest}{quote}"),
        3 => format!("he said {quote}{rest}{quote} and left"),
        _ => format!("don{}t {rest}", "'"),
    }
}

fn code_question(dice: &mut Dice) -> String {
    let (a, b) = (dice.word(), dice.word());
    match dice.roll(9) {
        0 => format!("why does {a}[i] = {b}(x); not work in java"),
        1 => format!("if ({a} == null || {b} > {}) return;", dice.number()),
        2 => format!("how to pipe grep into {a} | {b} on linux"),
        3 => format!("what is the difference between {a}() and {b}()"),
        4 => format!("for (int i = 0; i < {}; i++) {{ {a}(i); }}", dice.number()),
        5 => format!("def {a}(self, {b}=None):\n    return {b} or self.{a}"),
        6 => format!("console.log(\"{a}\", {b});"),
        7 => format!("git commit -m \"{a}: {b}\""),
        _ => format!("std::vector<int> {a}; {b}->size() << 2"),
    }
}

fn markdown(dice: &mut Dice) -> String {
    let (a, b) = (dice.word(), words(dice, 2));
    match dice.roll(7) {
        0 => format!("# {a}\n\n- {b}\n- `{a} --help`\n"),
        1 => format!("[{b}](https://{a}.example/{a}?a=1&b=2)"),
        2 => format!("**{a}** and *{b}*; see `{a}`"),
        3 => format!("| {a} | {b} |\n|---|---|\n| 1 | 2 |"),
        4 => format!("> {b}\n\n{a}"),
        5 => format!("```\n{a} = {b}\n```"),
        _ => format!("- [ ] {b}\n- [x] {a}"),
    }
}

fn sql_talk(dice: &mut Dice) -> String {
    let (a, b) = (dice.word(), dice.word());
    match dice.roll(8) {
        0 => format!("how do I select {a} from {b} where it is not null"),
        1 => format!("union of {a} and {b}"),
        2 => format!("order by {a}, then {b}"),
        3 => format!("drop the {a} table or update {b}?"),
        4 => format!("sql: group by {a} having more than {} rows", dice.number()),
        5 => format!("insert {a} into {b}"),
        6 => format!("left join vs inner join on {a}"),
        _ => format!("SELECT {a} FROM {b}"),
    }
}

fn json(dice: &mut Dice) -> String {
    let (a, b, n) = (dice.word(), words(dice, 1), dice.number());
    match dice.roll(4) {
        0 => format!("{{\"{a}\":\"{b}\",\"n\":{n},\"ok\":true}}"),
        1 => format!("[{{\"{a}\":[{n},2]}},{{\"b\":null}}]"),
        2 => format!("{{\"filter\":{{\"{a}\":{{\"min\":{n}}}}},\"sort\":\"-{a}\"}}"),
        _ => format!(
            "{{\"event\":\"{a}\",\"props\":{{\"url\":\"https://x.example/?a={n}&b={a}\",\"ua\":\"Mozilla/5.0 (X11; Linux)\"}}}}"
        ),
    }
}

fn graphql(dice: &mut Dice) -> String {
    let (a, b) = (dice.word(), dice.word());
    match dice.roll(3) {
        0 => format!("query {{ {a}(id: {}) {{ {b} {{ id name }} }} }}", dice.number()),
        1 => format!("mutation($in: {}Input!) {{ {a}(input: $in) {{ {b} }} }}", capital(&b)),
        _ => format!(
            "{{ {a}(first: 10, where: {{{b}: {{eq: \"x\"}}}}) {{ edges {{ node {{ id }} }} }} }}"
        ),
    }
}

fn token(dice: &mut Dice) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut run = |length: usize| -> String {
        (0..length).map(|_| char::from(alphabet[dice.roll(alphabet.len())])).collect()
    };
    match run(1).as_bytes()[0] % 4 {
        0 => format!("eyJhbGciOiJIUzI1NiJ9.{}.{}", run(60), run(43)),
        1 => format!("{}==", run(22)),
        2 => run(32),
        _ => format!("{}-{}-{}", run(8), run(4), run(12)),
    }
}

fn odata(dice: &mut Dice) -> String {
    let (a, b) = (capital(&dice.word()), dice.word());
    match dice.roll(5) {
        0 => format!("{a} eq '{b}' and Price gt {}", dice.number()),
        1 => format!("contains({a},'{b}''s')"),
        2 => format!("startswith({a},'{b}') or endswith({a},'x')"),
        3 => format!("{a}/any(x: x/Id eq {})", dice.number()),
        _ => format!("{a} desc,{b} asc"),
    }
}

fn css(dice: &mut Dice) -> String {
    let (a, b) = (dice.word(), dice.word());
    match dice.roll(5) {
        0 => format!("#{a} > .{b} li:nth-child({})", dice.roll(9) + 1),
        1 => format!(".{a} {{ color: #fff; margin: 0 auto; }}"),
        2 => format!("a[href^='http']:not(.{a})"),
        3 => format!("@media (max-width: {}px) {{ .{a} {{ display: none }} }}", dice.number()),
        _ => format!("div.{a}::before {{ content: \"{b}\"; }}"),
    }
}

fn math(dice: &mut Dice) -> String {
    let (a, b) = (dice.roll(20), dice.roll(20) + 1);
    match dice.roll(6) {
        0 => format!("{a}x^2 + {b}x = 0"),
        1 => format!("({a}+{b})*{b}/{a}"),
        2 => format!("f(x) = {a}*x - {b}"),
        3 => format!("{a} < x <= {b}"),
        4 => format!("|{a} - {b}| > 1"),
        _ => format!("sum(i=1..{b}) i^{a}"),
    }
}

fn link(dice: &mut Dice) -> String {
    let (a, b) = (dice.word(), dice.word());
    match dice.roll(7) {
        0 => format!("https://www.{a}.example/{b}?id={}&type=file&sort=name#top", dice.number()),
        1 => format!("/{a}/{b}/../{a}.html"),
        2 => format!("../{a}/{b}.png"),
        3 => format!("https://{a}.example/login?next=%2F{b}%3Fx%3D1%26date%3D2"),
        4 => format!("//cdn.{a}.example/{b}.min.js"),
        5 => format!("mailto:{a}@{b}.example?subject=Hi&cc=x@y.example"),
        _ => format!("ftp.{a}.example:/pub/{b}"),
    }
}

fn markup(dice: &mut Dice) -> String {
    let (a, b) = (dice.word(), words(dice, 1));
    match dice.roll(6) {
        0 => format!("<p>{b}</p>"),
        1 => format!("<a href=\"https://{a}.example/?type=x&amp;time=1\">{b}</a>"),
        2 => format!("<ul><li>{a}</li><li>{b}</li></ul>"),
        3 => format!("<img src=\"/{a}.png\" alt=\"{b}\" width=\"40\">"),
        4 => format!("<h2 class=\"{a}\">{b}</h2><br/>"),
        _ => format!("<{a}> {b} <3"),
    }
}

fn placeholder(dice: &mut Dice) -> String {
    let a = dice.word();
    match dice.roll(6) {
        0 => format!("Hello {{{{{a}}}}}"),
        1 => format!("${{{a}}}"),
        2 => format!("{{{{ {a}.title }}}}"),
        3 => format!("%{a}% and %s"),
        4 => format!("{{0}} of {{1}} {a}"),
        _ => format!("#{{{a}}}"),
    }
}

fn file(dice: &mut Dice) -> String {
    let (a, b) = (dice.word(), dice.word());
    match dice.roll(7) {
        0 => format!("C:\\Users\\{a}\\Documents\\{b}.docx"),
        1 => format!("{a}-{b}.tar.gz"),
        2 => format!("/home/{a}/{b}/src/main.rs"),
        3 => format!("\\\\{a}\\share\\{b}.xlsx"),
        4 => format!("~/{a}/{b}"),
        5 => format!("./{a}/{b}.sh"),
        _ => format!("{a} ({}).pdf", dice.roll(9)),
    }
}

fn list(dice: &mut Dice) -> String {
    let joint = dice.pick(&[",", "; ", " | ", "|", " & ", ";", "/", " + "]);
    let count = 2 + dice.roll(5);
    (0..count)
        .map(|_| if dice.roll(2) == 0 { dice.pick(NOUNS).to_owned() } else { dice.word() })
        .collect::<Vec<_>>()
        .join(joint)
}

fn log_line(dice: &mut Dice) -> String {
    let (a, b) = (dice.word(), dice.word());
    match dice.roll(4) {
        0 => format!(
            "2026-01-0{} 12:00:00,123 ERROR [{a}] {b}: failed (code={})",
            dice.roll(9) + 1,
            dice.number()
        ),
        1 => format!("at com.{a}.{b}.Main.run(Main.java:{})", dice.number()),
        2 => format!("[{a}] {b}=1; took 5ms; status=ok"),
        _ => format!("TypeError: {a} is not a function\n    at {b} (/app/{a}.js:10:5)"),
    }
}
