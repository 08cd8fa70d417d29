//! Files that should never lie in a site's folder, and do: settings, repositories, copies.

use std::fmt::Write as _;

use super::super::reply::{Reply, escape};
use super::{Asked, Site};

/// How many seconds after the site was set up each of them came.
const ENVIRONMENT_AFTER: u64 = 4_211;
const REPOSITORY_AFTER: u64 = 9_860;
const COPY_AFTER: u64 = 2_851_007;

pub(super) fn environment(asked: &Asked<'_>) -> Reply {
    let site = asked.site;
    Reply::file("application/octet-stream", variables(site), site.installed + ENVIRONMENT_AFTER)
}

fn variables(site: &Site) -> String {
    let (title, host, domain) = (site.title(), &site.host, &site.domain);
    format!(
        "APP_NAME=\"{title}\"\nAPP_ENV=production\nAPP_KEY=base64:{}=\nAPP_DEBUG=false\nAPP_URL=https://{host}\n\n\
         LOG_CHANNEL=stack\nLOG_LEVEL=error\n\nDB_CONNECTION=mysql\nDB_HOST=127.0.0.1\nDB_PORT=3306\n\
         DB_DATABASE=wordpress\nDB_USERNAME=wordpress\nDB_PASSWORD={}\n\nREDIS_HOST=127.0.0.1\n\
         REDIS_PASSWORD=null\nREDIS_PORT=6379\n\nMAIL_MAILER=smtp\nMAIL_HOST=mail.{domain}\nMAIL_PORT=587\n\
         MAIL_USERNAME={}@{domain}\nMAIL_PASSWORD={}\nMAIL_ENCRYPTION=tls\n\n\
         AWS_ACCESS_KEY_ID=AKIA{}\nAWS_SECRET_ACCESS_KEY={}\nAWS_DEFAULT_REGION=eu-central-1\n\
         AWS_BUCKET={}-backup\n",
        site.secret("application", 43),
        site.password("database"),
        site.admin(),
        site.password("mail"),
        site.secret("access", 16).to_ascii_uppercase(),
        site.secret("access secret", 40),
        domain.split('.').next().unwrap_or_default(),
    )
}

pub(super) fn git_config(asked: &Asked<'_>) -> Reply {
    let site = asked.site;
    let body = format!(
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n\
         [remote \"origin\"]\n\turl = https://deploy:{}@git.{}/web/portal.git\n\
         \tfetch = +refs/heads/*:refs/remotes/origin/*\n[branch \"main\"]\n\tremote = origin\n\tmerge = refs/heads/main\n",
        site.secret("deploy", 20),
        site.domain
    );
    Reply::file("application/octet-stream", body, site.installed + REPOSITORY_AFTER)
}

pub(super) fn git_head(asked: &Asked<'_>) -> Reply {
    let changed = asked.site.installed + REPOSITORY_AFTER;
    Reply::file("application/octet-stream", "ref: refs/heads/main\n", changed)
}

pub(super) fn git_log(asked: &Asked<'_>) -> Reply {
    let site = asked.site;
    let body = format!(
        "{} {} {user} <{user}@{}> {} +0000\tclone: from https://git.{1}/web/portal.git\n",
        "0".repeat(40),
        site.secret("commit", 40),
        site.domain,
        site.installed + REPOSITORY_AFTER,
        user = site.admin(),
    );
    Reply::file("application/octet-stream", body, site.installed + REPOSITORY_AFTER)
}

pub(super) fn aws(asked: &Asked<'_>) -> Reply {
    let site = asked.site;
    let body = format!(
        "[default]\naws_access_key_id = AKIA{}\naws_secret_access_key = {}\nregion = eu-central-1\n",
        site.secret("access", 16).to_ascii_uppercase(),
        site.secret("access secret", 40)
    );
    Reply::file("application/octet-stream", body, site.installed + ENVIRONMENT_AFTER)
}

/// What is left of the database in a folder that everybody can read.
pub(super) fn dump(asked: &Asked<'_>) -> Reply {
    Reply::file("application/octet-stream", database(asked.site), asked.site.installed + COPY_AFTER)
}

fn database(site: &Site) -> String {
    let mut rows = Vec::new();
    for (name, id) in site.users.iter().zip(1..) {
        let salt = site.secret(&format!("salt {name}"), 8);
        let hash = site.secret(&format!("hash {name}"), 22);
        rows.push(format!("({id},'{name}','$P$B{salt}{hash}','{name}','{name}@{}')", site.domain));
    }
    format!(
        "-- MariaDB dump 10.19  Distrib 10.11.6-MariaDB, for debian-linux-gnu (x86_64)\n--\n\
         -- Host: localhost    Database: wordpress\n\nDROP TABLE IF EXISTS `wp_users`;\n\
         CREATE TABLE `wp_users` (\n  `ID` bigint(20) unsigned NOT NULL AUTO_INCREMENT,\n  \
         `user_login` varchar(60) NOT NULL DEFAULT '',\n  `user_pass` varchar(255) NOT NULL DEFAULT '',\n  \
         `user_nicename` varchar(50) NOT NULL DEFAULT '',\n  `user_email` varchar(100) NOT NULL DEFAULT '',\n  \
         PRIMARY KEY (`ID`)\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;\n\n\
         INSERT INTO `wp_users` VALUES {};\n",
        rows.join(",")
    )
}

/// An archive with the settings and the database in it, stored without compression.
pub(super) fn archive(asked: &Asked<'_>) -> Reply {
    let site = asked.site;
    let files = [("portal/.env", variables(site)), ("portal/db/wordpress.sql", database(site))];
    Reply::file("application/zip", zip(&files), site.installed + COPY_AFTER)
}

/// A ZIP archive (APPNOTE 6.3.3) of stored files.
fn zip(files: &[(&str, String)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut folder = Vec::new();
    let short = |number: usize| u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes();
    let long = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
    for (name, content) in files {
        let at = out.len();
        // Version 1.0, no flags, stored, 1 March 2024 at noon, then the checksum and the lengths.
        let mut about = vec![10, 0, 0, 0, 0, 0, 0, 0x60, 0x61, 0x58];
        about.extend(checksum(content.as_bytes()).to_le_bytes());
        about.extend(long(content.len()));
        about.extend(long(content.len()));
        about.extend(short(name.len()));
        about.extend(short(0));
        out.extend(b"PK\x03\x04");
        out.extend(&about);
        out.extend(name.as_bytes());
        out.extend(content.as_bytes());
        folder.extend(b"PK\x01\x02\x14\x03");
        folder.extend(&about);
        // No comment, the first disk, no attributes but those of a plain file.
        folder.extend([0, 0, 0, 0, 0, 0, 0, 0, 0xa4, 0x81]);
        folder.extend(long(at));
        folder.extend(name.as_bytes());
    }
    let at = out.len();
    out.extend(&folder);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(short(files.len()));
    out.extend(short(files.len()));
    out.extend(long(folder.len()));
    out.extend(long(at));
    out.extend(short(0));
    out
}

/// CRC-32 as ZIP has it, bit by bit: the files are small.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 }
        })
    })
}

pub(super) fn php_info(asked: &Asked<'_>) -> Reply {
    let site = asked.site;
    let rows = [
        ("System", site.system.as_str()),
        ("Server API", "FPM/FastCGI"),
        ("Configuration File (php.ini) Path", "/etc/php/8.2/fpm"),
        ("DOCUMENT_ROOT", "/var/www/html"),
        ("SERVER_NAME", site.host.as_str()),
        ("disable_functions", "no value"),
        ("allow_url_fopen", "On"),
        ("allow_url_include", "Off"),
    ];
    let mut table = String::new();
    for (name, value) in rows {
        let value = escape(value);
        let _ =
            writeln!(table, "<tr><td class=\"e\">{name} </td><td class=\"v\">{value} </td></tr>");
    }
    Reply::html(format!(
        "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Transitional//EN\" \"DTD/xhtml1-transitional.dtd\">\n\
         <html xmlns=\"http://www.w3.org/1999/xhtml\"><head>\n<title>PHP {0} - phpinfo()</title>\
         <meta name=\"ROBOTS\" content=\"NOINDEX,NOFOLLOW,NOARCHIVE\" /></head>\n<body><div class=\"center\">\n\
         <table>\n<tr class=\"h\"><td><h1 class=\"p\">PHP Version {0}</h1></td></tr>\n</table>\n<table>\n{table}</table>\n\
         </div></body></html>",
        site.php
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_as_zip_has_them() {
        assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn unzip_reads_the_archive() {
        let Ok(found) = std::process::Command::new("python3").arg("--version").output() else {
            eprintln!("skipped: python3 is absent");
            return;
        };
        assert!(found.status.success());
        let file = tempfile::NamedTempFile::new().unwrap();
        let files = [("a/.env", "X=1\n".to_owned()), ("b.sql", "select 1;\n".repeat(100))];
        std::fs::write(file.path(), zip(&files)).unwrap();
        let list = std::process::Command::new("python3")
            .args(["-m", "zipfile", "-t"])
            .arg(file.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&list.stdout).into_owned();
        assert!(list.status.success() && told.contains("Done testing"), "{told}");
    }
}
