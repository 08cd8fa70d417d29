//! A web server, nginx or Apache as the persona has it: a site with all that scanners look for, whose
//! every request is told as an access log would tell it.

mod forms;
mod reply;
mod site;
mod told;

use futures::FutureExt as _;

use super::Decoy;
use super::shared::conversation::Conversation;
use super::shared::http1::{Fault, Limits, Request};
use crate::session::{End, Fields, Outcome, Session, Visit, now};
use forms::{Credentials, Form};
use reply::{Brand, Reply, Scene, Server};
use site::{Asked, Site};

pub(crate) const DECOY: Decoy = Decoy {
    id: "http",
    port: 8088,
    summary: "a web site behind nginx or Apache, with what scanners look for",
    serve: |session| serve(session).boxed(),
};

/// The same behind TLS.
pub(crate) const SECURE: Decoy = Decoy {
    id: "https",
    port: 8443,
    summary: "the same web site behind TLS",
    serve: |session| serve_secure(session).boxed(),
};

/// nginx takes bodies of a megabyte unless told otherwise.
const NGINX_BODY_BYTES_MAX: u64 = 1024 * 1024;
/// Apache takes any; more than this is not waited for.
const APACHE_BODY_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Kept of a body in memory, for the form and the quarantine.
const BODY_BYTES_MAX: usize = 1024 * 1024;

async fn serve_secure(session: &mut Session) -> Result<(), End> {
    while session.pending().is_empty() {
        session.fill().await?;
    }
    if session.pending().first() == Some(&22) {
        session.start_tls(None).await?;
        return serve(session).await;
    }
    // Somebody speaks plainly to the port of TLS: the server says so and hangs up.
    let site = site(session);
    let first = session.pending().get(..1_024).unwrap_or(session.pending()).to_vec();
    let fields = Fields::new()
        .with_bytes("bartizan.decoy.first", &first)
        .with("bartizan.decoy.banner_sent", site.server.name.clone());
    session.tell("malformed", fields).await;
    let body = format!(
        "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n<body>\r\n\
         <center><h1>400 Bad Request</h1></center>\r\n<center>The plain HTTP request was sent to HTTPS \
         port</center>\r\n<hr><center>{}</center>\r\n</body>\r\n</html>\r\n",
        site.server.name
    );
    let reply = match site.server.brand {
        Brand::Nginx => Reply { last: true, ..Reply::new(400, "text/html", body) },
        Brand::Apache => Reply::error(400),
    };
    let request = Request { line: "-".to_owned(), ..Request::default() };
    let (bytes, _) = reply::write(scene(session, &site, &request), &request, reply);
    session.write(&bytes).await?;
    session.close().await;
    Err(End::Protocol)
}

async fn serve(session: &mut Session) -> Result<(), End> {
    Conversation::begun(session).await?;
    let site = Box::new(site(session));
    let body_max = match site.server.brand {
        Brand::Nginx => NGINX_BODY_BYTES_MAX,
        Brand::Apache => APACHE_BODY_BYTES_MAX,
    };
    let mut client = Conversation::new(Limits { body_max, kept_max: BODY_BYTES_MAX });
    while let Some(heard) = client.next(session).await? {
        let keeps = match heard {
            Ok(request) => answer(session, &site, &request).await?,
            Err((fault, request)) => malformed(session, &site, fault, &request).await?,
        };
        if !keeps {
            break;
        }
    }
    session.close().await;
    Ok(())
}

/// Answers a request and tells of it; true where the connection is kept.
async fn answer(session: &mut Session, site: &Site, request: &Request) -> Result<bool, End> {
    let form = Form::read(request);
    let path = site::plain(request.path());
    let scene = scene(session, site, request);
    let asked = Asked {
        site,
        request,
        form: &form,
        path: &path,
        scheme: if session.is_tls() { "https" } else { "http" },
        client: session.peer().ip().to_canonical(),
        now: scene.now,
    };
    let reply = site::answer(&asked);
    let status = reply.status;
    let (bytes, keeps) = reply::write(scene, request, reply);
    let fields = told::request(session, &site.server.name, request, (status, bytes.len()));
    session.tell("request", fields).await;
    let basic = request.basic().map(|(user, password)| Credentials { user, password });
    for tried in basic.into_iter().chain(form.credentials()) {
        tell_login(session, request, &tried).await;
    }
    keep_files(session, request, &form).await;
    session.write(&bytes).await?;
    Ok(keeps)
}

/// Nobody is let in: a real site behind the log-in would have to be played too.
async fn tell_login(session: &Session, request: &Request, tried: &Credentials) {
    let fields = Fields::new()
        .with_bytes("url.path", request.path().as_bytes())
        .with("http.request.method", request.method.clone());
    let (user, password) = (tried.user.as_bytes(), tried.password.as_bytes());
    session.credentials(user, Some(password), Outcome::Failure, fields).await;
}

/// Puts what was sent as a file into quarantine.
async fn keep_files(session: &Session, request: &Request, form: &Form) {
    for file in &form.files {
        session.upload(file.name.as_bytes(), &file.content).await;
    }
    let body = request.body.kept();
    let script = [&b"<?php"[..], b"<?=", b"<%@", b"#!/"].iter().any(|mark| body.starts_with(mark));
    if form.files.is_empty() && !body.is_empty() && (request.method == "PUT" || script) {
        session.upload(request.path().as_bytes(), body).await;
    }
}

async fn malformed(
    session: &mut Session,
    site: &Site,
    fault: Fault,
    request: &Request,
) -> Result<bool, End> {
    let status = match (fault, site.server.brand) {
        (Fault::Malformed | Fault::HeadTooLong, _) => 400,
        (Fault::LineTooLong, _) => 414,
        (Fault::BodyTooLong, _) => 413,
        (Fault::Version, _) => 505,
    };
    let scene = scene(session, site, request);
    let (bytes, _) = reply::write(scene, request, Reply::error(status));
    let fields = told::request(session, &site.server.name, request, (status, bytes.len()));
    session.tell("malformed", fields).await;
    session.write(&bytes).await?;
    Ok(false)
}

fn scene<'a>(visit: &Visit, site: &'a Site, request: &'a Request) -> Scene<'a> {
    let host = request.header("host").unwrap_or(&site.host);
    let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
    Scene {
        server: &site.server,
        host,
        port: visit.local().port(),
        now: u64::try_from(now().seconds()).unwrap_or_default(),
    }
}

fn site(visit: &Visit) -> Site {
    let persona = visit.persona();
    let own = visit.service().banner.clone();
    let brand = match &own {
        Some(banner) if banner.starts_with("Apache") => Brand::Apache,
        Some(_) => Brand::Nginx,
        None if persona.number("web server", 0, 1) == 0 => Brand::Nginx,
        None => Brand::Apache,
    };
    let name = own.unwrap_or_else(|| {
        let service = if brand == Brand::Nginx { "nginx" } else { "apache" };
        persona.version(service).to_owned()
    });
    let os = persona.os();
    // `root` writes no pages.
    let users = persona.users().iter().map(|user| user.name.clone()).filter(|name| name != "root");
    Site {
        server: Server { brand, name },
        host: persona.fqdn(),
        domain: persona.domain().to_owned(),
        users: users.take(8).collect(),
        php: persona.version("php").to_owned(),
        wordpress: persona
            .choice("wordpress", &["6.2.2", "6.3.1", "6.4.3", "6.5.2"], "6.4.3")
            .to_owned(),
        system: format!("Linux {} {} {} x86_64", persona.host_name(), os.kernel, os.kernel_build),
        installed: u64::try_from(persona.set_up().seconds()).unwrap_or_default() + 86_400,
        seed: persona.bytes("site"),
    }
}

/// Gives bytes, cut into pieces by their first one, to everything here that reads them.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    use super::shared::http1::{Reader, Step};

    let (step, rest) = super::shared::fuzz_pieces(bytes);
    let brand = if step % 2 == 0 { Brand::Nginx } else { Brand::Apache };
    let site = site::testing::site(brand);
    let mut reader = Reader::new(Limits { body_max: 1 << 20, kept_max: 1 << 16 });
    for mut piece in rest.chunks(step) {
        while !piece.is_empty() {
            let (request, fault) = match reader.next(&mut piece) {
                Step::More | Step::Continue => continue,
                Step::Request(request) => (request, None),
                Step::Bad(fault, request) => (request, Some(fault)),
            };
            let form = Form::read(&request);
            let path = site::plain(request.path());
            let scene = Scene { server: &site.server, host: "x", port: 80, now: 1_795_244_280 };
            let reply = if fault.is_some() {
                Reply::error(400)
            } else {
                site::answer(&Asked {
                    site: &site,
                    request: &request,
                    form: &form,
                    path: &path,
                    scheme: "http",
                    client: [192, 0, 2, 7].into(),
                    now: scene.now,
                })
            };
            let (bytes, _) = reply::write(scene, &request, reply);
            let head = bytes.split(|byte| *byte == b'\n').take_while(|line| line.len() > 1);
            let whole =
                |line: &[u8]| line.strip_suffix(b"\r").is_some_and(|line| !line.contains(&b'\r'));
            assert!(!bytes.starts_with(b"HTTP/") || head.into_iter().all(whole));
            let _ = request.basic();
            if fault.is_some() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
