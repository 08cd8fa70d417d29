//! The site that is played: which path leads to which page, and what all pages agree on.

mod appliances;
mod files;
mod java;
mod pages;
mod wordpress;

use std::net::IpAddr;

use sha2::{Digest as _, Sha256};

use super::super::shared::http1::Request;
use super::forms::{Form, decoded};
use super::reply::{Brand, Reply, Server};

/// What all pages agree on, the same for every client of an installation.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) server: Server,
    /// Such as `web01.example.net`.
    pub(super) host: String,
    pub(super) domain: String,
    /// Names that have an account; the first one runs the site.
    pub(super) users: Vec<String>,
    pub(super) php: String,
    pub(super) wordpress: String,
    /// Such as `Linux web01 6.1.0-18-amd64 #1 SMP ... x86_64`.
    pub(super) system: String,
    /// When the site was set up, in seconds since 1970.
    pub(super) installed: u64,
    /// What secrets are made of.
    pub(super) seed: [u8; 32],
}

impl Site {
    /// Hexadecimal digits, up to 64, that stay the same for a name.
    pub(super) fn secret(&self, name: &str, digits: usize) -> String {
        let digest = Sha256::new().chain_update(self.seed).chain_update(name.as_bytes()).finalize();
        let mut text = crate::text::hex(&digest);
        text.truncate(digits);
        text
    }

    /// A password that somebody could have chosen.
    pub(super) fn password(&self, name: &str) -> String {
        let word = self.domain.split('.').next().unwrap_or("site");
        let mut letters = word.chars();
        let first = letters.next().unwrap_or('s').to_ascii_uppercase();
        let digits = self.secret(name, 4);
        format!("{first}{}{digits}!", letters.as_str())
    }

    pub(super) fn admin(&self) -> &str {
        self.users.first().map_or("admin", String::as_str)
    }

    /// The name of the site in words.
    pub(super) fn title(&self) -> String {
        let word = self.domain.split('.').next().unwrap_or("site");
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first
            .into_iter()
            .chain(letters)
            .map(|letter| if letter == '-' { ' ' } else { letter })
            .collect()
    }
}

/// A request as pages see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) site: &'a Site,
    pub(super) request: &'a Request,
    pub(super) form: &'a Form,
    /// The path, escapes undone, in small letters, without double slashes.
    pub(super) path: &'a str,
    /// `http` or `https`.
    pub(super) scheme: &'a str,
    pub(super) client: IpAddr,
    /// Seconds since 1970.
    pub(super) now: u64,
}

impl Asked<'_> {
    pub(super) fn is_post(&self) -> bool {
        self.request.method == "POST"
    }

    /// The site's own address as the client calls it, within bounds; its name where it says none.
    pub(super) fn base(&self) -> String {
        let fits = |host: &&str| {
            (1..=255).contains(&host.len())
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
        };
        let host = self.request.header("host").filter(fits).unwrap_or(&self.site.host);
        format!("{}://{host}", self.scheme)
    }
}

type Page = fn(&Asked<'_>) -> Reply;

/// How a row's path is compared.
#[derive(Clone, Copy)]
enum Fit {
    /// The path is this one.
    Is,
    /// It begins so.
    Begins,
    /// It is this one within a folder where sites are put.
    Under,
    /// It ends so.
    Ends,
}

use Fit::{Begins, Ends, Is, Under};

/// The folders where sites are put. A site that had its files in any folder at all would be known by it.
const FOLDERS: &[&str] = &[
    "",
    "/admin",
    "/api",
    "/app",
    "/backend",
    "/backup",
    "/blog",
    "/core",
    "/laravel",
    "/new",
    "/old",
    "/portal",
    "/public",
    "/site",
    "/web",
    "/wordpress",
    "/wp",
    "/www",
];

/// Copies that lie about, and those named after the domain.
const ARCHIVES: &[&str] = &["backup", "www", "site", "web", "html", "wordpress", "portal", "old"];
const DUMPS: &[&str] = &["backup", "dump", "db", "database", "wordpress", "mysql"];

/// Which path leads to which page; the first row that fits counts.
const PAGES: &[(Fit, &str, Page)] = &[
    (Is, "/", pages::home),
    (Is, "/index.php", pages::home),
    (Is, "/robots.txt", pages::robots),
    (Under, "/sitemap.xml", pages::sitemap),
    (Is, "/wp-sitemap.xml", pages::sitemap),
    (Is, "/favicon.ico", |_| Reply::error(404)),
    (Under, "/wp-login.php", wordpress::login),
    (Under, "/xmlrpc.php", wordpress::xmlrpc),
    (Under, "/wp-admin", wordpress::admin),
    (Under, "/wp-admin/", wordpress::admin),
    (Under, "/wp-admin/admin-ajax.php", wordpress::ajax),
    (Begins, "/wp-json", wordpress::api),
    (Under, "/wp-config.php", |_| Reply::html("")),
    (Is, "/wp-config.php.bak", wordpress::config),
    (Is, "/wp-config.php~", wordpress::config),
    (Is, "/wp-config.php.old", wordpress::config),
    (Is, "/wp-config.txt", wordpress::config),
    (Is, "/readme.html", wordpress::readme),
    (Is, "/license.txt", wordpress::license),
    (Begins, "/author/", wordpress::author),
    (Begins, "/wp-content/uploads", |_| Reply::error(403)),
    (Under, "/.env", files::environment),
    (Is, "/.env.bak", files::environment),
    (Is, "/.env.local", files::environment),
    (Is, "/.env.production", files::environment),
    (Is, "/.env.save", files::environment),
    (Under, "/.git/config", files::git_config),
    (Under, "/.git/head", files::git_head),
    (Under, "/.git/logs/head", files::git_log),
    (Under, "/.git/", |_| Reply::error(403)),
    (Under, "/.git", |_| Reply::error(403)),
    (Under, "/.aws/credentials", files::aws),
    (Under, "/phpinfo.php", files::php_info),
    (Under, "/info.php", files::php_info),
    (Begins, "/server-status", pages::status),
    (Is, "/login", pages::login),
    (Is, "/admin", pages::login),
    (Is, "/admin/", pages::login),
    (Is, "/administrator/", pages::login),
    (Is, "/api", pages::api),
    (Begins, "/api/", pages::api),
    (Begins, "/phpmyadmin", pages::php_my_admin),
    (Begins, "/pma", pages::php_my_admin),
    (Begins, "/dbadmin", pages::php_my_admin),
    (Ends, "/eval-stdin.php", |_| Reply::html("")),
    (Is, "/actuator", java::actuator),
    (Is, "/actuator/env", java::environment),
    (Is, "/env", java::environment),
    (Is, "/actuator/health", java::health),
    (Is, "/actuator/info", |_| Reply::json("{}")),
    (Begins, "/actuator/", |_| java::not_found()),
    (Begins, "/manager/", java::manager),
    (Begins, "/host-manager/", java::manager),
    (Begins, "/jenkins", java::jenkins),
    (Is, "/j_spring_security_check", java::jenkins),
    (Begins, "/solr/admin/cores", java::solr_cores),
    (Begins, "/solr/admin/info/system", java::solr_system),
    (Begins, "/solr", java::solr),
    (Begins, "/hnap1", appliances::hnap),
    (Begins, "/boaform/", appliances::boa),
    (Begins, "/gponform/", appliances::boa),
    (Begins, "/goform/", appliances::boa),
    (Begins, "/setup.cgi", appliances::boa),
    (Begins, "/owa", appliances::outlook),
    (Begins, "/ecp", appliances::outlook),
    (Begins, "/autodiscover/", appliances::autodiscover),
    (Is, "/cgi-bin/", |_| Reply::error(403)),
    (Begins, "/cgi-bin/luci", appliances::luci),
    (Begins, "/cgi-bin/", appliances::cgi),
];

/// Methods that a file is asked for with.
const READING: &[&str] = &["GET", "HEAD", "POST"];

/// Answers a request.
pub(super) fn answer(asked: &Asked<'_>) -> Reply {
    let method = asked.request.method.as_str();
    if method == "CONNECT" || asked.request.target == "*" && method != "OPTIONS" {
        return Reply::error(400);
    }
    if asked.request.target.contains("://") && !asked.request.target.starts_with('/') {
        // Asked to fetch from elsewhere as a proxy: it answers with its own page.
        return pages::home(asked);
    }
    if method == "OPTIONS" && asked.site.server.brand == Brand::Apache {
        return Reply::new(200, "", "").with("Allow", "GET,POST,OPTIONS,HEAD");
    }
    if !READING.contains(&method) {
        return match (method, asked.site.server.brand) {
            // An upload is taken: what is sent is worth more than a refusal.
            ("PUT" | "MOVE" | "MKCOL", _) => Reply::new(201, "", ""),
            (_, Brand::Nginx) => Reply::error(405),
            (_, Brand::Apache) => Reply::error(405).with("Allow", "GET,POST,OPTIONS,HEAD"),
        };
    }
    if asked.request.path().contains("..") || asked.path.contains("/../") {
        // It climbs out of the folder; servers of these versions know that.
        return Reply::error(400);
    }
    if let Some(page) = copy(asked) {
        return page(asked);
    }
    let fits = |(fit, path, _): &&(Fit, &str, Page)| match fit {
        Is => asked.path == *path,
        Begins => asked.path.starts_with(path),
        Under => asked.path.strip_suffix(path).is_some_and(|folder| FOLDERS.contains(&folder)),
        Ends => asked.path.ends_with(path),
    };
    match PAGES.iter().find(fits) {
        Some((_, _, page)) => page(asked),
        None if asked.is_post() && !asked.path.contains(".php") => Reply::error(405),
        None if asked.path.contains(".php") => {
            Reply::new(404, "text/html; charset=UTF-8", "File not found.\n")
        }
        None => Reply::error(404),
    }
}

/// The page for a copy of the site or of its data, under a name that one would have.
fn copy(asked: &Asked<'_>) -> Option<Page> {
    let file = |folder: &&str| asked.path.strip_prefix(folder)?.strip_prefix('/');
    let names = FOLDERS.iter().filter_map(file).filter(|name| !name.contains('/'));
    let word = asked.site.domain.split('.').next().unwrap_or_default();
    let own = [word, asked.site.domain.as_str()];
    names.filter_map(|name| name.rsplit_once('.')).find_map(|(name, kind)| match kind {
        "zip" if ARCHIVES.contains(&name) || own.contains(&name) => Some::<Page>(files::archive),
        "sql" if DUMPS.contains(&name) || own.contains(&name) => Some(files::dump),
        _ => None,
    })
}

/// The path as rows are compared with.
pub(super) fn plain(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for letter in decoded(&path.replace('+', "%2b")).chars() {
        let letter = letter.to_ascii_lowercase();
        if !(letter == '/' && out.ends_with('/')) {
            out.push(letter);
        }
    }
    out
}

#[cfg(any(test, fuzzing))]
pub(super) mod testing {
    use super::*;

    /// A site that never changes.
    pub(in super::super) fn site(brand: Brand) -> Site {
        Site {
            server: Server { brand, name: "nginx/1.22.1".to_owned() },
            host: "web01.norda.example".to_owned(),
            domain: "norda.example".to_owned(),
            users: vec!["ahoff".to_owned(), "mkern".to_owned()],
            php: "8.2.7".to_owned(),
            wordpress: "6.2.2".to_owned(),
            system: "Linux web01 6.1.0-18-amd64 x86_64".to_owned(),
            installed: 1_700_000_000,
            seed: [7; 32],
        }
    }

    /// The answer to a request line without headers.
    #[cfg(test)]
    pub(super) fn ask(brand: Brand, method: &str, target: &str) -> Reply {
        let site = site(brand);
        let request = Request {
            line: format!("{method} {target} HTTP/1.1"),
            method: method.to_owned(),
            target: target.to_owned(),
            ..Request::default()
        };
        let form = Form::read(&request);
        let path = plain(request.path());
        answer(&Asked {
            site: &site,
            request: &request,
            form: &form,
            path: &path,
            scheme: "http",
            client: [192, 0, 2, 7].into(),
            now: 1_795_244_280,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::testing::ask;
    use super::*;

    #[test]
    fn paths_that_scanners_love_are_there() {
        for path in [
            "/",
            "/robots.txt",
            "/wp-login.php",
            "/blog/wp-login.php",
            "/.env",
            "/api/.env",
            "/.git/HEAD",
            "//.git/config",
            "/phpMyAdmin/index.php",
            "/actuator",
            "/actuator/env",
            "/backup.zip",
            "/dump.sql",
            "/norda.zip",
            "/backup/backup.sql",
            "/solr/",
            "/HNAP1/",
            "/boaform/admin/formLogin",
            "/owa/auth/logon.aspx",
            "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
            "/sitemap.xml",
            "/cgi-bin/test.cgi",
            "/server-status",
            "/api/v1/users",
            "/wp-json/wp/v2/users",
            "/phpinfo.php",
        ] {
            let reply = ask(Brand::Nginx, "GET", path);
            assert_eq!(reply.status, 200, "{path}");
            assert_eq!(ask(Brand::Apache, "HEAD", path).status, 200, "{path}");
        }
        assert_eq!(ask(Brand::Nginx, "GET", "/manager/html").status, 401);
        assert_eq!(ask(Brand::Nginx, "GET", "/jenkins/").status, 403);
        for path in ["/nothing", "/x7f3q/.env", "/x7f3q.zip", "/x7f3q/wp-login.php", "/.envx7f3q"] {
            assert_eq!(ask(Brand::Nginx, "GET", path).status, 404, "{path}");
        }
        assert_eq!(ask(Brand::Nginx, "DELETE", "/").status, 405);
        assert_eq!(ask(Brand::Nginx, "GET", "/%2e%2e/etc/passwd").status, 400);
        assert_eq!(ask(Brand::Apache, "OPTIONS", "/").headers[0].0, "Allow");
    }

    #[test]
    fn secrets_agree_and_differ_by_installation() {
        let env = |path| String::from_utf8(ask(Brand::Nginx, "GET", path).body).unwrap();
        assert_eq!(env("/.env"), env("/app/.env"));
        let password = super::testing::site(Brand::Nginx).password("database");
        assert!(env("/.env").contains(&password) && env("/wp-config.php.bak").contains(&password));
        let other = Site { seed: [8; 32], ..super::testing::site(Brand::Nginx) };
        assert_ne!(other.password("database"), password);
    }

    proptest! {
        #[test]
        fn any_path_has_an_answer(method in "(GET|POST|PUT|OPTIONS|X)", path in "[/.%a-e0-9?&=+wphinx-]{0,40}") {
            for brand in [Brand::Nginx, Brand::Apache] {
                let reply = ask(brand, &method, &format!("/{path}"));
                prop_assert!((200..=505).contains(&reply.status));
                prop_assert!(reply.body.len() < 64 * 1024);
            }
        }
    }
}
