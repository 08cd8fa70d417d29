//! Servers of Java that stand behind the site: Spring Boot, Tomcat, Jenkins, Solr.

use super::super::reply::Reply;
use super::Asked;

pub(super) fn actuator(asked: &Asked<'_>) -> Reply {
    let base = asked.base();
    let links: serde_json::Map<String, serde_json::Value> = ["self", "health", "info", "env"]
        .iter()
        .map(|name| {
            let path = if *name == "self" { String::new() } else { format!("/{name}") };
            let link =
                serde_json::json!({"href": format!("{base}/actuator{path}"), "templated": false});
            ((*name).to_owned(), link)
        })
        .collect();
    spring(serde_json::json!({ "_links": links }).to_string())
}

pub(super) fn health(_: &Asked<'_>) -> Reply {
    spring(r#"{"status":"UP"}"#)
}

pub(super) fn environment(asked: &Asked<'_>) -> Reply {
    let site = asked.site;
    let body = serde_json::json!({
        "activeProfiles": ["production"],
        "propertySources": [
            {"name": "server.ports", "properties": {"local.server.port": {"value": 8081}}},
            {"name": "systemProperties", "properties": {
                "java.runtime.version": {"value": "17.0.9+9-Debian-1deb12u1"},
                "os.name": {"value": "Linux"},
                "user.name": {"value": site.admin()},
            }},
            {"name": "applicationConfig: [classpath:/application.properties]", "properties": {
                "spring.datasource.url": {"value": "jdbc:mysql://127.0.0.1:3306/portal"},
                "spring.datasource.username": {"value": "portal"},
                "spring.datasource.password": {"value": "******"},
                "spring.mail.host": {"value": format!("mail.{}", site.domain)},
            }},
        ],
    });
    spring(body.to_string())
}

fn spring(body: impl Into<Vec<u8>>) -> Reply {
    Reply::new(200, "application/vnd.spring-boot.actuator.v3+json", body)
}

pub(super) fn not_found() -> Reply {
    Reply::json(r#"{"timestamp":"2024-03-01T12:00:00.000+00:00","status":404,"error":"Not Found"}"#)
        .status(404)
}

/// Tomcat's manager: it asks for a password, and none is right.
pub(super) fn manager(asked: &Asked<'_>) -> Reply {
    let realm = if asked.path.starts_with("/host-manager") {
        "Tomcat Host Manager Application"
    } else {
        "Tomcat Manager Application"
    };
    let body = "<!DOCTYPE html PUBLIC \"-//W3C//DTD HTML 4.01//EN\">\n<html>\n <head>\n  \
                <title>401 Unauthorized</title>\n </head>\n <body>\n   <h1>401 Unauthorized</h1>\n   <p>\n    \
                You are not authorized to view this page. If you have not changed\n    any configuration \
                files, please examine the file\n    <tt>conf/tomcat-users.xml</tt> in your installation.\n   \
                </p>\n </body>\n</html>\n";
    Reply::new(401, "text/html;charset=ISO-8859-1", body)
        .with("Cache-Control", "private")
        .with("WWW-Authenticate", format!("Basic realm=\"{realm}\""))
}

/// Jenkins: everything leads to its log-in.
pub(super) fn jenkins(asked: &Asked<'_>) -> Reply {
    let session = asked.site.secret(&format!("jenkins {}", asked.client), 24);
    let reply = if asked.path.starts_with("/jenkins/login") {
        let body = "<!DOCTYPE html><html lang=\"en-US\"><head data-rooturl=\"/jenkins\">\
                    <title>Sign in [Jenkins]</title></head><body><div class=\"simple-page\">\
                    <h1>Welcome to Jenkins!</h1><form method=\"post\" name=\"login\" \
                    action=\"j_spring_security_check\"><input autocorrect=\"off\" autocomplete=\"off\" \
                    name=\"j_username\" id=\"j_username\" placeholder=\"Username\" type=\"text\">\
                    <input name=\"j_password\" placeholder=\"Password\" type=\"password\">\
                    <input name=\"from\" type=\"hidden\"><input name=\"Submit\" type=\"submit\" \
                    value=\"Sign in\"></form></div></body></html>";
        Reply::new(200, "text/html;charset=utf-8", body)
    } else if asked.path.ends_with("/j_spring_security_check") {
        Reply { error_page: false, ..Reply::redirect(302, "/jenkins/loginError") }
    } else {
        let body = "<html><head><meta http-equiv='refresh' content='1;url=/jenkins/login?from=%2Fjenkins%2F'/>\
                    <script>window.location.replace('/jenkins/login?from=%2Fjenkins%2F');</script></head>\
                    <body style='background-color:white; color:white;'>Authentication required</body></html>";
        Reply::new(403, "text/html;charset=utf-8", body)
    };
    reply
        .with("X-Content-Type-Options", "nosniff")
        .with("Set-Cookie", format!("JSESSIONID={session}.node0; Path=/jenkins; HttpOnly"))
        .with("X-Hudson", "1.395")
        .with("X-Jenkins", "2.426.1")
        .with("X-Jenkins-Session", asked.site.secret("jenkins session", 8))
}

pub(super) fn solr(_: &Asked<'_>) -> Reply {
    Reply::new(
        200,
        "text/html;charset=utf-8",
        "<!DOCTYPE html>\n<html ng-app=\"solrAdminApp\">\n<head>\n  <title>Solr Admin</title>\n  \
         <link rel=\"icon\" type=\"image/x-icon\" href=\"img/favicon.ico?_=8.11.2\">\n</head>\n\
         <body ng-controller=\"MainController\">\n</body>\n</html>\n",
    )
    .with("X-Content-Type-Options", "nosniff")
}

pub(super) fn solr_cores(_: &Asked<'_>) -> Reply {
    let body = serde_json::json!({
        "responseHeader": {"status": 0, "QTime": 1},
        "initFailures": {},
        "status": {"products": {
            "name": "products", "instanceDir": "/var/solr/data/products",
            "dataDir": "/var/solr/data/products/data/", "config": "solrconfig.xml",
            "schema": "managed-schema", "index": {"numDocs": 48_211, "maxDoc": 48_902},
        }},
    });
    Reply::new(200, "application/json;charset=utf-8", body.to_string())
}

pub(super) fn solr_system(asked: &Asked<'_>) -> Reply {
    let body = serde_json::json!({
        "responseHeader": {"status": 0, "QTime": 4},
        "mode": "std", "solr_home": "/var/solr/data", "core_root": "/var/solr/data",
        "lucene": {"solr-spec-version": "8.11.2", "lucene-spec-version": "8.11.2"},
        "jvm": {"version": "17.0.9 17.0.9+9", "name": "Debian OpenJDK 64-Bit Server VM"},
        "security": {}, "system": {"name": "Linux", "arch": "amd64", "uname": asked.site.system},
    });
    Reply::new(200, "application/json;charset=utf-8", body.to_string())
}
