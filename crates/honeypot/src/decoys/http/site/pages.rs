//! The site's own pages, and those of the tools beside it.

use super::super::super::shared::clock::date;
use super::super::reply::{Brand, Reply, escape};
use super::Asked;

pub(super) fn home(asked: &Asked<'_>) -> Reply {
    if let Some(author) = asked.form.get("author") {
        return super::wordpress::author_by_number(asked, author);
    }
    let (title, base) = (asked.site.title(), asked.base());
    let version = &asked.site.wordpress;
    let body = format!(
        r#"<!DOCTYPE html>
<html lang="en-US">
<head>
<meta charset="UTF-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>{title}</title>
<link rel="alternate" type="application/rss+xml" title="{title} &raquo; Feed" href="{base}/feed/" />
<link rel="stylesheet" id="wp-block-library-css" href="{base}/wp-includes/css/dist/block-library/style.min.css?ver={version}" media="all" />
<link rel="https://api.w.org/" href="{base}/wp-json/" /><link rel="EditURI" type="application/rsd+xml" title="RSD" href="{base}/xmlrpc.php?rsd" />
<meta name="generator" content="WordPress {version}" />
</head>
<body class="home blog wp-embed-responsive">
<div class="wp-site-blocks"><header><h1 class="wp-block-site-title"><a href="{base}" rel="home">{title}</a></h1>
<nav><a href="{base}/about/">About</a> <a href="{base}/contact/">Contact</a> <a href="{base}/login">Staff</a></nav></header>
<main><h2><a href="{base}/2024/02/maintenance/">Planned maintenance of the customer portal</a></h2>
<p>The portal will not be available on Saturday night. Orders that were placed before are not affected.</p>
<p>Posted by <a href="{base}/author/{author}/">{author}</a></p></main>
<footer><p>Proudly powered by <a href="https://wordpress.org">WordPress</a></p></footer></div>
</body>
</html>
"#,
        author = asked.site.admin()
    );
    Reply::html(body).with("Link", format!("<{base}/wp-json/>; rel=\"https://api.w.org/\""))
}

pub(super) fn robots(asked: &Asked<'_>) -> Reply {
    let body = format!(
        "User-agent: *\nDisallow: /wp-admin/\nDisallow: /backup/\nAllow: /wp-admin/admin-ajax.php\n\n\
         Sitemap: {}/wp-sitemap.xml\n",
        asked.base()
    );
    Reply::new(200, "text/plain; charset=utf-8", body)
}

pub(super) fn sitemap(asked: &Asked<'_>) -> Reply {
    let base = asked.base();
    let page = |path: &str| format!("<url><loc>{base}{path}</loc></url>");
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">{}{}{}</urlset>\n",
        page("/"),
        page("/about/"),
        page("/contact/")
    );
    Reply::new(200, "application/xml; charset=UTF-8", body)
}

pub(super) fn login(asked: &Asked<'_>) -> Reply {
    let title = asked.site.title();
    let wrong = match asked.form.login() {
        Some(_) => "<p class=\"error\">Unknown user name or wrong password.</p>\n",
        None => "",
    };
    let body = format!(
        r#"<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title} – Sign in</title></head>
<body>
<h1>{title}</h1>
{wrong}<form method="post" action="{path}">
<label>User name <input type="text" name="username" autocomplete="username"></label>
<label>Password <input type="password" name="password" autocomplete="current-password"></label>
<input type="hidden" name="csrf" value="{csrf}">
<button type="submit">Sign in</button>
</form>
</body></html>
"#,
        path = escape(asked.path),
        csrf = asked.site.secret(&format!("csrf {}", asked.client), 40)
    );
    let session = asked.site.secret(&format!("session {}", asked.client), 26);
    let cookie = format!("PHPSESSID={session}; path=/; HttpOnly");
    let reply = Reply::html(body).with("Set-Cookie", cookie);
    let reply = reply.with("Expires", "Thu, 19 Nov 1981 08:52:00 GMT");
    reply.with("Cache-Control", "no-store, no-cache, must-revalidate").with("Pragma", "no-cache")
}

pub(super) fn api(asked: &Asked<'_>) -> Reply {
    let text = |reply: Reply| reply.with("Cache-Control", "no-cache, private");
    if asked.form.login().is_some() {
        return text(Reply::json(r#"{"message":"These credentials do not match our records."}"#))
            .status(401);
    }
    match asked.path.trim_end_matches('/') {
        "/api" | "/api/v1" | "/api/v2" => text(Reply::json(format!(
            r#"{{"name":"{} API","version":"1.14.2","documentation":"/api/docs"}}"#,
            asked.site.title()
        ))),
        "/api/v1/users" | "/api/users" => {
            let users: Vec<serde_json::Value> = asked
                .site
                .users
                .iter()
                .zip(1..)
                .map(|(name, id)| serde_json::json!({"id": id, "login": name}))
                .collect();
            text(Reply::json(serde_json::json!({ "data": users }).to_string()))
        }
        _ => text(Reply::json(r#"{"message":"Unauthenticated."}"#)).status(401),
    }
}

pub(super) fn php_my_admin(asked: &Asked<'_>) -> Reply {
    let token = asked.site.secret(&format!("pma {}", asked.client), 32);
    let wrong = match asked.form.login() {
        Some(tried) => format!(
            "<div class=\"alert alert-danger\" role=\"alert\">mysqli::real_connect(): (HY000/1045): \
             Access denied for user '{}'@'localhost' (using password: {})</div>",
            escape(&tried.user),
            if tried.password.is_empty() { "NO" } else { "YES" }
        ),
        None => String::new(),
    };
    let body = format!(
        r#"<!doctype html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="robots" content="noindex,nofollow,notranslate">
<title>phpMyAdmin</title>
<link rel="stylesheet" type="text/css" href="./themes/pmahomme/css/theme.css?v=5.2.1">
</head>
<body id="loginform">
<div id="page_content"><div class="container">
<h1>Welcome to <bdo dir="ltr" lang="en">phpMyAdmin</bdo></h1>
{wrong}<form method="post" id="login_form" action="index.php?route=/" name="login_form" class="disableAjax login js-show">
<input type="hidden" name="set_session" value="{token}">
<label for="input_username">Username:</label><input type="text" name="pma_username" id="input_username" value="" size="24" autocomplete="username">
<label for="input_password">Password:</label><input type="password" name="pma_password" id="input_password" value="" size="24" autocomplete="current-password">
<input type="hidden" name="server" value="1">
<input class="btn btn-primary" value="Log in" type="submit" id="input_go">
<input type="hidden" name="token" value="{token}">
</form></div></div>
</body>
</html>
"#
    );
    Reply::html(body)
        .with(
            "Set-Cookie",
            format!("phpMyAdmin={token}; path=/phpmyadmin/; HttpOnly; SameSite=Strict"),
        )
        .with("Expires", date(asked.now))
        .with("X-Frame-Options", "DENY")
        .with("Referrer-Policy", "no-referrer")
        .with("X-Robots-Tag", "noindex, nofollow")
}

/// What the server tells of itself where somebody forgot to close it.
pub(super) fn status(asked: &Asked<'_>) -> Reply {
    let minutes = asked.now.saturating_sub(asked.site.installed) / 60 % 40_000;
    if asked.site.server.brand == Brand::Nginx {
        let body = format!(
            "Active connections: 3 \nserver accepts handled requests\n {0} {0} {1} \nReading: 0 Writing: 1 \
             Waiting: 2 \n",
            minutes * 2 + 11,
            minutes * 5 + 29
        );
        return Reply::new(200, "text/plain", body);
    }
    let host = &asked.site.host;
    let body = format!(
        "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<html><head>\n<title>Apache Status</title>\n\
         </head><body>\n<h1>Apache Server Status for {host} (via {host})</h1>\n\n<dl><dt>Server Version: {}</dt>\n\
         <dt>Server MPM: event</dt>\n</dl><hr /><dl>\n<dt>Current Time: {}</dt>\n\
         <dt>Server uptime:  {} hours {} minutes</dt>\n<dt>Total accesses: {} - Total Traffic: {} kB</dt>\n\
         <dt>1 requests currently being processed, 49 idle workers</dt>\n</dl>\n</body></html>\n",
        asked.site.server.name,
        date(asked.now),
        minutes / 60,
        minutes % 60,
        minutes * 5 + 29,
        minutes * 37
    );
    Reply::new(200, "text/html; charset=ISO-8859-1", body)
}
