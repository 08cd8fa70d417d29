//! WordPress: its log-in with its cookies, its calls over XML, its list of authors.

use std::fmt::Write as _;

use super::super::reply::{Reply, escape};
use super::Asked;

pub(super) fn login(asked: &Asked<'_>) -> Reply {
    let (title, base) = (asked.site.title(), asked.base());
    let tried = asked.form.login().filter(|_| asked.is_post());
    let wrong = tried.as_ref().map(|tried| {
        let user = escape(&tried.user);
        let known = asked.site.users.contains(&tried.user);
        let text = match (tried.user.as_str(), tried.password.as_str()) {
            ("", _) => "<strong>Error:</strong> The username field is empty.".to_owned(),
            (_, "") => "<strong>Error:</strong> The password field is empty.".to_owned(),
            _ if known || tried.user == "admin" => format!(
                "<strong>Error:</strong> The password you entered for the username <strong>{user}</strong> \
                 is incorrect. <a href=\"{base}/wp-login.php?action=lostpassword\">Lost your password?</a>"
            ),
            _ => format!(
                "<strong>Error:</strong> The username <strong>{user}</strong> is not registered on this \
                 site. If you are unsure of your username, try your email address instead."
            ),
        };
        format!("<div id=\"login_error\">\t{text}<br />\n</div>\n")
    });
    let user = tried.map(|tried| escape(&tried.user)).unwrap_or_default();
    let body = format!(
        r#"<!DOCTYPE html>
	<html lang="en-US">
	<head>
	<meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
	<title>Log In &lsaquo; {title} &#8212; WordPress</title>
	<meta name='robots' content='max-image-preview:large, noindex, noarchive' />
	<link rel='stylesheet' id='login-css' href='{base}/wp-admin/css/login.min.css?ver={version}' media='all' />
	</head>
	<body class="login no-js login-action-login wp-core-ui  locale-en-us">
	<div id="login">
		<h1><a href="https://wordpress.org/">Powered by WordPress</a></h1>
	{wrong}
		<form name="loginform" id="loginform" action="{base}/wp-login.php" method="post">
			<p><label for="user_login">Username or Email Address</label>
				<input type="text" name="log" id="user_login" class="input" value="{user}" size="20" autocapitalize="off" autocomplete="username" /></p>
			<div class="user-pass-wrap"><label for="user_pass">Password</label>
				<input type="password" name="pwd" id="user_pass" class="input password-input" value="" size="20" autocomplete="current-password" /></div>
			<p class="forgetmenot"><input name="rememberme" type="checkbox" id="rememberme" value="forever"  /> <label for="rememberme">Remember Me</label></p>
			<p class="submit"><input type="submit" name="wp-submit" id="wp-submit" class="button button-primary button-large" value="Log In" />
				<input type="hidden" name="redirect_to" value="{base}/wp-admin/" />
				<input type="hidden" name="testcookie" value="1" /></p>
		</form>
		<p id="nav"><a href="{base}/wp-login.php?action=lostpassword">Lost your password?</a></p>
	</div>
	</body>
	</html>
	"#,
        version = asked.site.wordpress,
        wrong = wrong.unwrap_or_default()
    );
    Reply::html(body)
        .with("Expires", "Wed, 11 Jan 1984 05:00:00 GMT")
        .with("Cache-Control", "no-cache, must-revalidate, max-age=0")
        .with("Set-Cookie", "wordpress_test_cookie=WP%20Cookie%20check; path=/")
        .with("X-Frame-Options", "SAMEORIGIN")
}

pub(super) fn admin(asked: &Asked<'_>) -> Reply {
    let to = format!("{0}/wp-login.php?redirect_to={1}&reauth=1", asked.base(), "%2Fwp-admin%2F");
    Reply { error_page: false, ..Reply::redirect(302, to) }
        .with("Expires", "Wed, 11 Jan 1984 05:00:00 GMT")
        .with("Cache-Control", "no-cache, must-revalidate, max-age=0")
        .with("X-Redirect-By", "WordPress")
}

pub(super) fn ajax(_: &Asked<'_>) -> Reply {
    Reply::html("0").status(400).with("X-Robots-Tag", "noindex")
}

pub(super) fn xmlrpc(asked: &Asked<'_>) -> Reply {
    if !asked.is_post() {
        let text = "XML-RPC server accepts POST requests only.";
        return Reply::new(405, "text/plain;charset=UTF-8", text).with("Allow", "POST");
    }
    let method = asked.form.get("methodName").unwrap_or_default();
    let body = match method {
        "system.listMethods" | "mt.supportedMethods" => {
            let names = [
                "system.multicall",
                "system.listMethods",
                "pingback.ping",
                "wp.getUsersBlogs",
                "wp.getUsers",
                "wp.uploadFile",
                "metaWeblog.newPost",
                "blogger.getUsersBlogs",
            ];
            let names = names.iter().fold(String::new(), |mut text, name| {
                let _ = writeln!(text, "  <value><string>{name}</string></value>");
                text
            });
            format!(
                "<params>\n    <param>\n      <value>\n      <array><data>\n{names}</data></array>\n      </value>\n    </param>\n  </params>"
            )
        }
        "pingback.ping" => fault(0, ""),
        _ if asked.form.get("password").is_some() => fault(403, "Incorrect username or password."),
        "" => fault(-32700, "parse error. not well formed"),
        method => fault(
            -32601,
            &format!("server error. requested method {} does not exist.", escape(method)),
        ),
    };
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<methodResponse>\n  {body}\n</methodResponse>\n"
    );
    Reply::new(200, "text/xml; charset=UTF-8", text)
}

fn fault(code: i32, text: &str) -> String {
    format!(
        "<fault>\n    <value>\n      <struct>\n        <member>\n          <name>faultCode</name>\n          \
         <value><int>{code}</int></value>\n        </member>\n        <member>\n          \
         <name>faultString</name>\n          <value><string>{text}</string></value>\n        </member>\n      \
         </struct>\n    </value>\n  </fault>"
    )
}

pub(super) fn api(asked: &Asked<'_>) -> Reply {
    let base = asked.base();
    if asked.path.trim_end_matches('/').ends_with("/users") {
        let users: Vec<serde_json::Value> = asked
            .site
            .users
            .iter()
            .zip(1..)
            .map(|(name, id)| {
                serde_json::json!({
                    "id": id, "name": name, "slug": name, "link": format!("{base}/author/{name}/"),
                })
            })
            .collect();
        return Reply::json(serde_json::Value::from(users).to_string())
            .with("X-WP-Total", asked.site.users.len().to_string())
            .with("X-Robots-Tag", "noindex");
    }
    let body = serde_json::json!({
        "name": asked.site.title(), "description": "", "url": base, "home": base,
        "namespaces": ["oembed/1.0", "wp/v2", "wp-site-health/v1"], "authentication": [],
    });
    Reply::json(body.to_string()).with("X-Robots-Tag", "noindex")
}

/// A copy of the configuration that somebody left beside it.
pub(super) fn config(asked: &Asked<'_>) -> Reply {
    let mut salts = String::new();
    for name in ["AUTH_KEY", "SECURE_AUTH_KEY", "LOGGED_IN_KEY", "NONCE_KEY"] {
        let _ = writeln!(salts, "define( '{name}', '{}' );", asked.site.secret(name, 64));
    }
    let body = format!(
        "<?php\n/** The name of the database for WordPress */\ndefine( 'DB_NAME', 'wordpress' );\n\n\
         define( 'DB_USER', 'wordpress' );\n\ndefine( 'DB_PASSWORD', '{}' );\n\n\
         define( 'DB_HOST', 'localhost' );\n\ndefine( 'DB_CHARSET', 'utf8mb4' );\n\n{salts}\n\
         $table_prefix = 'wp_';\n\ndefine( 'WP_DEBUG', false );\n",
        asked.site.password("database")
    );
    Reply::file("application/octet-stream", body, asked.site.installed + 61)
}

pub(super) fn readme(asked: &Asked<'_>) -> Reply {
    let body = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<title>WordPress &#8250; ReadMe</title>\n</head>\n<body>\n\
         <h1 id=\"logo\">WordPress<br /> Version {}</h1>\n<p>Semantic Personal Publishing Platform</p>\n\
         </body>\n</html>\n",
        asked.site.wordpress.rsplit_once('.').map_or("6.2", |(most, _)| most)
    );
    Reply::file("text/html", body, asked.site.installed)
}

pub(super) fn license(asked: &Asked<'_>) -> Reply {
    let body = "WordPress - Web publishing software\n\nCopyright 2011-2023 by the contributors\n";
    Reply::file("text/plain", body, asked.site.installed)
}

pub(super) fn author(asked: &Asked<'_>) -> Reply {
    let name = asked.path.trim_start_matches("/author/").trim_end_matches('/');
    if !asked.site.users.iter().any(|user| user == name) {
        return Reply::error(404);
    }
    let title = asked.site.title();
    let name = escape(name);
    Reply::html(format!(
        "<!DOCTYPE html>\n<html lang=\"en-US\">\n<head>\n<title>{name} &#8211; {title}</title>\n</head>\n\
         <body class=\"archive author author-{name}\">\n<h1>Author: <span>{name}</span></h1>\n</body>\n</html>\n"
    ))
}

/// `?author=1` leads to the author's name.
pub(super) fn author_by_number(asked: &Asked<'_>, number: &str) -> Reply {
    let at = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    match at.and_then(|at| asked.site.users.get(at)) {
        Some(name) => {
            let to = format!("{}/author/{name}/", asked.base());
            Reply { error_page: false, ..Reply::redirect(301, to) }
                .with("X-Redirect-By", "WordPress")
        }
        None => Reply::error(404),
    }
}
