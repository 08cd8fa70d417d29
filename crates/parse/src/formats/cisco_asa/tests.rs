use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::super::shared::testing;
use super::*;

#[test]
fn packets() {
    check(
        r#"%ASA-4-106023: Deny tcp src outside:203.0.113.9/51514 dst inside:192.0.2.1/22 by access-group "edge" [0x0, 0x0]"#,
        expect![[r#"
            destination.ip = 192.0.2.1
            destination.port = 22
            event.action = packet_denied
            event.category = network
            event.code = 106023
            event.severity = 4
            event.type = denied
            message = Deny tcp src outside:203.0.113.9/51514 dst inside:192.0.2.1/22 by access-group "edge" [0x0, 0x0]
            network.transport = tcp
            observer.egress.interface.name = inside
            observer.ingress.interface.name = outside
            observer.product = asa
            observer.vendor = Cisco
            rule.name = edge
            source.ip = 203.0.113.9
            source.port = 51514
        "#]],
    );
    check(
        "%ASA-2-106001: Inbound TCP connection denied from 203.0.113.9/51514 to 192.0.2.1/22 flags SYN  on interface outside",
        expect![[r"
            destination.ip = 192.0.2.1
            destination.port = 22
            event.action = packet_denied
            event.category = network
            event.code = 106001
            event.severity = 2
            event.type = denied
            message = Inbound TCP connection denied from 203.0.113.9/51514 to 192.0.2.1/22 flags SYN  on interface outside
            network.transport = tcp
            observer.product = asa
            observer.vendor = Cisco
            source.ip = 203.0.113.9
            source.port = 51514
        "]],
    );
}

#[test]
fn lists() {
    check(
        "%ASA-6-106100: access-list edge denied udp outside/2001:db8::9(51514) -> inside/2001:db8::1(53) hit-cnt 1 first hit [0x1, 0x2]",
        expect![[r"
            destination.ip = 2001:db8::1
            destination.port = 53
            event.action = packet_denied
            event.category = network
            event.code = 106100
            event.severity = 6
            event.type = denied
            message = access-list edge denied udp outside/2001:db8::9(51514) -> inside/2001:db8::1(53) hit-cnt 1 first hit [0x1, 0x2]
            network.transport = udp
            observer.egress.interface.name = inside
            observer.ingress.interface.name = outside
            observer.product = asa
            observer.vendor = Cisco
            rule.name = edge
            source.ip = 2001:db8::9
            source.port = 51514
        "]],
    );
    check(
        "%FTD-3-106014: Deny inbound icmp src outside:203.0.113.9 dst inside:192.0.2.1 (type 8, code 0)",
        expect![[r"
            destination.ip = 192.0.2.1
            event.action = packet_denied
            event.category = network
            event.code = 106014
            event.severity = 3
            event.type = denied
            message = Deny inbound icmp src outside:203.0.113.9 dst inside:192.0.2.1 (type 8, code 0)
            network.transport = icmp
            observer.egress.interface.name = inside
            observer.ingress.interface.name = outside
            observer.product = asa
            observer.vendor = Cisco
            source.ip = 203.0.113.9
        "]],
    );
}

#[test]
fn connections() {
    check(
        "%ASA-6-302013: Built outbound TCP connection 9 for outside:203.0.113.9/443 (203.0.113.9/443) to inside:192.0.2.7/53496 (198.51.100.1/53496)",
        expect![[r"
            destination.ip = 203.0.113.9
            destination.port = 443
            event.action = packet_allowed
            event.category = network
            event.code = 302013
            event.severity = 6
            event.type = allowed
            message = Built outbound TCP connection 9 for outside:203.0.113.9/443 (203.0.113.9/443) to inside:192.0.2.7/53496 (198.51.100.1/53496)
            network.direction = outbound
            network.transport = tcp
            observer.egress.interface.name = outside
            observer.ingress.interface.name = inside
            observer.product = asa
            observer.vendor = Cisco
            source.ip = 192.0.2.7
            source.port = 53496
            cisco.connection = 9
        "]],
    );
    check(
        "%ASA-6-302014: Teardown TCP connection 9 for outside:203.0.113.9/443 to inside:192.0.2.7/53496 duration 0:00:30 bytes 52436 TCP FINs",
        expect![[r"
            destination.ip = 192.0.2.7
            destination.port = 53496
            event.action = connection_ended
            event.category = network
            event.code = 302014
            event.reason = TCP FINs
            event.severity = 6
            event.type = end
            message = Teardown TCP connection 9 for outside:203.0.113.9/443 to inside:192.0.2.7/53496 duration 0:00:30 bytes 52436 TCP FINs
            network.bytes = 52436
            network.transport = tcp
            observer.egress.interface.name = inside
            observer.ingress.interface.name = outside
            observer.product = asa
            observer.vendor = Cisco
            source.ip = 203.0.113.9
            source.port = 443
            cisco.connection = 9
        "]],
    );
}

#[test]
fn people() {
    check(
        "%ASA-6-113015: AAA user authentication Rejected : reason = Invalid password : local database : user = ann : user IP = 203.0.113.9",
        expect![[r"
            event.action = vpn_login
            event.category = authentication
            event.code = 113015
            event.outcome = failure
            event.reason = Invalid password
            event.severity = 6
            event.type = start
            message = AAA user authentication Rejected : reason = Invalid password : local database : user = ann : user IP = 203.0.113.9
            observer.product = asa
            observer.vendor = Cisco
            source.ip = 203.0.113.9
            user.name = ann
        "]],
    );
    check(
        "%ASA-6-113012: AAA user authentication Successful : local database : user = ann",
        expect![[r"
            event.action = vpn_login
            event.category = authentication
            event.code = 113012
            event.outcome = success
            event.severity = 6
            event.type = start
            message = AAA user authentication Successful : local database : user = ann
            observer.product = asa
            observer.vendor = Cisco
            user.name = ann
        "]],
    );
}

#[test]
fn sessions_and_consoles() {
    check(
        "%ASA-6-722022: Group <staff> User <ann> IP <203.0.113.9> TCP SVC connection established without compression",
        expect![[r"
            event.action = vpn_login
            event.category = authentication
            event.code = 722022
            event.outcome = success
            event.severity = 6
            event.type = start
            message = Group <staff> User <ann> IP <203.0.113.9> TCP SVC connection established without compression
            observer.product = asa
            observer.vendor = Cisco
            source.ip = 203.0.113.9
            user.group.name = staff
            user.name = ann
        "]],
    );
    check(
        r#"%ASA-6-605004: Login denied from 203.0.113.9/51514 to outside:192.0.2.1/ssh for user "ann""#,
        expect![[r#"
            destination.ip = 192.0.2.1
            event.action = login
            event.category = authentication
            event.code = 605004
            event.outcome = failure
            event.severity = 6
            event.type = start
            message = Login denied from 203.0.113.9/51514 to outside:192.0.2.1/ssh for user "ann"
            network.protocol = ssh
            observer.egress.interface.name = outside
            observer.product = asa
            observer.vendor = Cisco
            source.ip = 203.0.113.9
            source.port = 51514
            user.name = ann
        "#]],
    );
    check(
        "%ASA-5-111010: User 'ann', running 'CLI' from IP 192.0.2.9, executed 'no logging host inside 192.0.2.5'",
        expect![[r"
            event.action = device_command
            event.category = configuration
            event.code = 111010
            event.severity = 5
            event.type = change
            message = User 'ann', running 'CLI' from IP 192.0.2.9, executed 'no logging host inside 192.0.2.5'
            observer.product = asa
            observer.vendor = Cisco
            process.command_line = no logging host inside 192.0.2.5
            source.ip = 192.0.2.9
            user.name = ann
        "]],
    );
}

#[test]
fn others() {
    check(
        "%ASA-4-733100: [ Scanning] drop rate-1 exceeded.",
        expect![[r"
        event.action = threat_detected
        event.category = network
        event.code = 733100
        event.severity = 4
        event.type = info
        message = [ Scanning] drop rate-1 exceeded.
        observer.product = asa
        observer.vendor = Cisco
        rule.name = Scanning
    "]],
    );
    check(
        "%ASA-5-199999: something new",
        expect![[r"
        event.code = 199999
        event.severity = 5
        message = something new
        observer.product = asa
        observer.vendor = Cisco
    "]],
    );
    check(
        "%ASA-6-302013: Built inbound",
        expect![[r"
        event.code = 302013
        event.severity = 6
        message = Built inbound
        observer.product = asa
        observer.vendor = Cisco
    "]],
    );
    testing::check(&FORMAT, "Deny everything", expect![[r#"Missing("code")"#]]);
    testing::check(&FORMAT, "%ASA-6-30: x", expect![[r#"Invalid("code")"#]]);
}

proptest! {
    #[test]
    fn any_text_is_survived(code in 0..9_usize, text in "\\PC{0,60}") {
        let codes = ["106023", "106100", "302013", "302014", "113015", "722022", "605004", "111010", "733100"];
        let starts = ["Deny ", "access-list ", "Built ", "Teardown ", "AAA ", "Group ", "Login ", "User '", "["];
        let line = format!("%ASA-6-{}: {}{text}", codes[code], starts[code]);
        let _ = recognises(&line);
        let _ = testing::read(&FORMAT, &line);
    }
}

#[track_caller]
fn check(text: &str, expect: Expect) {
    assert!(recognises(text));
    testing::check(&FORMAT, text, expect);
}
