//! Boxes and programs that stand behind many addresses: routers, mail servers, scripts of old.

use super::super::reply::{Reply, escape};
use super::Asked;

/// The door to a home router that many worms knock at.
pub(super) fn hnap(asked: &Asked<'_>) -> Reply {
    let mac = asked.site.secret("router", 6).to_ascii_uppercase();
    let pairs: Vec<&str> =
        [0..2, 2..4, 4..6].into_iter().filter_map(|range| mac.get(range)).collect();
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<soap:Envelope \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\">\n<soap:Body>\n\
         <GetDeviceSettingsResponse xmlns=\"http://purenetworks.com/HNAP1/\">\n\
         <GetDeviceSettingsResult>OK</GetDeviceSettingsResult>\n<Type>GatewayWithWiFi</Type>\n\
         <DeviceName>D-Link Systems DIR-850L</DeviceName>\n<VendorName>D-Link Systems</VendorName>\n\
         <ModelName>DIR-850L</ModelName>\n<FirmwareVersion>1.09</FirmwareVersion>\n\
         <DeviceMacId>C0:A0:BB:{}</DeviceMacId>\n</GetDeviceSettingsResponse>\n</soap:Body>\n\
         </soap:Envelope>\n",
        pairs.join(":")
    );
    Reply::new(200, "text/xml; charset=utf-8", body)
}

/// The log-in of a router's own small server.
pub(super) fn boa(asked: &Asked<'_>) -> Reply {
    let wrong = match asked.form.login() {
        Some(_) => "<script>alert('ERROR:bad password!');</script>",
        None => "",
    };
    Reply::new(
        200,
        "text/html",
        format!(
            "<html>\n<head>\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">\n\
             <title>GPON Home Gateway</title>\n{wrong}</head>\n<body>\n\
             <form action=\"/boaform/admin/formLogin\" method=\"POST\" name=\"cmlogin\">\n\
             <input type=\"text\" name=\"username\" size=\"20\">\n\
             <input type=\"password\" name=\"psd\" size=\"20\">\n\
             <input type=\"submit\" value=\"Login\" name=\"save\">\n</form>\n</body>\n</html>\n"
        ),
    )
}

/// Outlook on the web.
pub(super) fn outlook(asked: &Asked<'_>) -> Reply {
    let version = "15.2.1118";
    let headers = |reply: Reply| {
        let server = asked.site.host.split('.').next().unwrap_or("mail").to_ascii_uppercase();
        reply
            .with("X-OWA-Version", format!("{version}.40"))
            .with("X-FEServer", server)
            .with("request-id", identity(&asked.site.secret(&format!("owa {}", asked.client), 32)))
    };
    if asked.path.contains("/auth.owa") {
        let to = format!("{}/owa/auth/logon.aspx?url={0}%2fowa%2f&reason=2", asked.base());
        return headers(Reply { error_page: false, ..Reply::redirect(302, to) });
    }
    if !asked.path.contains("/auth/") {
        let to = format!("{0}/owa/auth/logon.aspx?url={0}%2fowa%2f&reason=0", asked.base());
        return headers(Reply { error_page: false, ..Reply::redirect(302, to) });
    }
    let wrong = match asked.form.get("reason") {
        Some("2") => {
            "<div class=\"signInError\">The user name or password you entered isn't correct. Try entering \
             it again.</div>\n"
        }
        _ => "",
    };
    headers(Reply::new(
        200,
        "text/html; charset=utf-8",
        format!(
            "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.0 Transitional//EN\">\n<html>\n<head>\n\
             <title>Outlook</title>\n<link rel=\"shortcut icon\" \
             href=\"/owa/auth/{version}/themes/resources/favicon.ico\" type=\"image/x-icon\">\n</head>\n\
             <body class=\"signInBg\">\n<form action=\"/owa/auth.owa\" method=\"POST\" name=\"logonForm\" \
             autocomplete=\"off\">\n<input type=\"hidden\" name=\"destination\" value=\"{}/owa/\">\n\
             <input type=\"hidden\" name=\"flags\" value=\"4\">\n{wrong}\
             <input id=\"username\" name=\"username\" class=\"signInInputText\">\n\
             <input id=\"password\" name=\"password\" type=\"password\" class=\"signInInputText\">\n\
             <span class=\"signinTxt\">sign in</span>\n</form>\n</body>\n</html>\n",
            asked.base()
        ),
    ))
}

fn identity(digits: &str) -> String {
    let part = |from, to| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// The address at which mail programs find their server.
pub(super) fn autodiscover(asked: &Asked<'_>) -> Reply {
    let host = &asked.site.host;
    Reply::new(401, "", "")
        .with("WWW-Authenticate", "Negotiate")
        .with("WWW-Authenticate", "NTLM")
        .with("WWW-Authenticate", format!("Basic realm=\"{host}\""))
}

/// A router's pages under OpenWrt.
pub(super) fn luci(asked: &Asked<'_>) -> Reply {
    let wrong = match asked.form.login() {
        Some(_) => {
            "<div class=\"alert-message warning\">Invalid username and/or password given! Please try again.</div>\n"
        }
        None => "",
    };
    let status = if wrong.is_empty() { 200 } else { 403 };
    Reply::new(
        status,
        "text/html; charset=utf-8",
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<title>{} - LuCI</title>\n</head>\n<body>\n{wrong}\
             <form method=\"post\" action=\"{}\">\n<h2>Authorization Required</h2>\n\
             <input type=\"text\" name=\"luci_username\" value=\"root\">\n\
             <input type=\"password\" name=\"luci_password\">\n<input type=\"submit\" value=\"Login\">\n\
             </form>\n</body>\n</html>\n",
            asked.site.host.split('.').next().unwrap_or("router"),
            escape(asked.path)
        ),
    )
}

/// A script of old: what it prints has nothing to do with what it is sent.
pub(super) fn cgi(asked: &Asked<'_>) -> Reply {
    let name = asked.path.rsplit('/').next().unwrap_or_default();
    match name {
        "status" | "test.cgi" | "test-cgi" | "printenv" | "hello.cgi" | "env.cgi" => Reply::new(
            200,
            "text/plain",
            format!(
                "CGI/1.1 test script report:\n\nSERVER_SOFTWARE = {}\nSERVER_NAME = {}\n\
                 GATEWAY_INTERFACE = CGI/1.1\nREQUEST_METHOD = {}\nREMOTE_ADDR = {}\n",
                asked.site.server.name, asked.site.host, asked.request.method, asked.client
            ),
        ),
        name if [".cgi", ".sh", ".pl"].iter().any(|end| name.ends_with(end)) => Reply::error(500),
        _ => Reply::error(404),
    }
}
