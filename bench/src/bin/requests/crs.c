/* Puts requests to the OWASP Core Rule Set through libmodsecurity, and says of each its score.
 *
 *     crs RULES PARANOIA <requests >scores
 *
 * RULES is the folder with the rule files (/usr/share/modsecurity-crs/rules of Debian). A request comes as
 * method, target, version, the number of headers, of each its name and value, and the body: a text is its
 * length (four bytes, the lowest first) and its bytes, a number four bytes. Of each request goes out one line:
 * its anomaly score, and the nanoseconds of processor time that it took. Loading the rules is not in them.
 *
 * The rules' own log lines are off, and the phases of the answer and of logging are not run. Nothing is
 * refused (DetectionOnly), so that every rule has its say, and a rule of our own behind the others
 * writes the score to the log, which arrives here in a callback. That rule must say `auditlog`, although
 * no such log is written: what `noauditlog` marks reaches the callback no more.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <modsecurity/modsecurity.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>

#define TEXT_BYTES_MAX (16u << 20)
#define HEADERS_MAX 1000u
#define SCORE_MARK "total-score "

/* What stands before the rules: bodies are read as their type says, and the paranoia is set for the names of
 * both generations of the rules. */
static const char BEFORE[] =
    "SecRuleEngine DetectionOnly\n"
    "SecAuditEngine Off\n"
    "SecRequestBodyAccess On\n"
    "SecRequestBodyLimit 33554432\n"
    "SecRequestBodyNoFilesLimit 33554432\n"
    "SecResponseBodyAccess Off\n"
    "SecDefaultAction \"phase:1,nolog,noauditlog,pass\"\n"
    "SecDefaultAction \"phase:2,nolog,noauditlog,pass\"\n"
    "SecRule REQUEST_HEADERS:Content-Type \"@rx (?i)^(?:application|text)/(?:[a-z0-9.-]+[+])?xml\" "
    "\"id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML\"\n"
    "SecRule REQUEST_HEADERS:Content-Type \"@rx (?i)^application/(?:[a-z0-9.-]+[+])?json\" "
    "\"id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON\"\n"
    "SecAction \"id:900990,phase:1,nolog,pass,t:none,setvar:tx.crs_setup_version=334,"
    "setvar:tx.paranoia_level=%d,setvar:tx.blocking_paranoia_level=%d,setvar:tx.detection_paranoia_level=%d\"\n";

/* The sum is called one way by the third generation of the rules, another by the fourth. */
static const char BEHIND[] =
    "SecAction \"id:900991,phase:2,t:none,pass,log,auditlog,"
    "msg:'" SCORE_MARK "%{tx.anomaly_score}/%{tx.blocking_inbound_anomaly_score}.'\"\n";

struct text {
    unsigned char *bytes;
    uint32_t length;
    uint32_t room;
};

static void fail(const char *what, const char *why) {
    fprintf(stderr, "crs: %s: %s\n", what, why ? why : "no reason given");
    exit(1);
}

/* Takes the score out of a line of the log; of the two names one is empty. */
static void on_log(void *score, const void *line) {
    const char *at = line ? strstr((const char *)line, SCORE_MARK) : NULL;
    if (!at || !score) {
        return;
    }
    at += strlen(SCORE_MARK);
    long first = strtol(at, NULL, 10);
    at = strchr(at, '/');
    long second = at ? strtol(at + 1, NULL, 10) : 0;
    *(long *)score = first > second ? first : second;
}

static void add_rules(RulesSet *rules, const char *text) {
    const char *why = NULL;
    if (msc_rules_add(rules, text, &why) < 0) {
        fail("rules of the bench", why);
    }
}

/* Gives 0 at the end of the input. */
static int read_number(uint32_t *number) {
    unsigned char bytes[4];
    size_t count = fread(bytes, 1, sizeof bytes, stdin);
    if (count == 0) {
        return 0;
    }
    if (count != sizeof bytes) {
        fail("requests", "the input ends within a number");
    }
    *number = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    return 1;
}

/* Reads a text, and puts a NUL behind it. */
static int read_text(struct text *text) {
    if (!read_number(&text->length)) {
        return 0;
    }
    if (text->length > TEXT_BYTES_MAX) {
        fail("requests", "a text is too long");
    }
    if (text->room < text->length + 1) {
        text->room = text->length + 1;
        text->bytes = realloc(text->bytes, text->room);
        if (!text->bytes) {
            fail("requests", "out of memory");
        }
    }
    if (fread(text->bytes, 1, text->length, stdin) != text->length) {
        fail("requests", "the input ends within a text");
    }
    text->bytes[text->length] = 0;
    return 1;
}

static void must(int present) {
    if (!present) {
        fail("requests", "the input ends within a request");
    }
}

static long long spent(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int count, char **words) {
    if (count != 3) {
        fail("words", "crs RULES PARANOIA <requests");
    }
    int paranoia = atoi(words[2]);
    ModSecurity *engine = msc_init();
    msc_set_log_cb(engine, on_log);
    RulesSet *rules = msc_create_rules_set();
    char text[sizeof BEFORE + 64];
    snprintf(text, sizeof text, BEFORE, paranoia, paranoia, paranoia);
    add_rules(rules, text);
    char files[4096];
    snprintf(files, sizeof files, "Include %s/*.conf\n", words[1]);
    add_rules(rules, files);
    add_rules(rules, BEHIND);

    static struct text method, target, version, body;
    static struct text names[HEADERS_MAX], values[HEADERS_MAX];
    while (read_text(&method)) {
        uint32_t headers = 0;
        must(read_text(&target));
        must(read_text(&version));
        must(read_number(&headers));
        if (headers > HEADERS_MAX) {
            fail("requests", "too many headers");
        }
        for (uint32_t at = 0; at < headers; at++) {
            must(read_text(&names[at]));
            must(read_text(&values[at]));
        }
        must(read_text(&body));

        long score = -1;
        long long begin = spent();
        Transaction *transaction = msc_new_transaction(engine, rules, &score);
        msc_process_connection(transaction, "203.0.113.7", 40000, "192.0.2.1", 80);
        msc_process_uri(transaction, (char *)target.bytes, (char *)method.bytes, (char *)version.bytes);
        for (uint32_t at = 0; at < headers; at++) {
            msc_add_n_request_header(
                transaction, names[at].bytes, names[at].length, values[at].bytes, values[at].length);
        }
        msc_process_request_headers(transaction);
        if (body.length) {
            msc_append_request_body(transaction, body.bytes, body.length);
        }
        msc_process_request_body(transaction);
        msc_transaction_cleanup(transaction);
        if (score < 0) {
            fail("a request", "the score did not reach the log");
        }
        printf("%ld %lld\n", score, spent() - begin);
    }
    msc_rules_cleanup(rules);
    msc_cleanup(engine);
    return fflush(stdout) == 0 ? 0 : 1;
}
