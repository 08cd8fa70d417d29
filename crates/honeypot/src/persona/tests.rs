use std::collections::BTreeSet;

use super::testing::{persona as invented, some_keys};
use super::*;
use crate::config::Bounds;
use crate::session::now;

#[test]
fn it_stays_the_same_and_no_two_are_alike() {
    let names: BTreeSet<String> = (0..8).map(|seed| invented(seed).fqdn()).collect();
    assert!(names.len() > 5, "{names:?}");
    let (one, two) = (invented(1), invented(1));
    assert_eq!(one.fqdn(), two.fqdn());
    assert_eq!(one.users(), two.users());
    assert_eq!(one.weak, two.weak);
    assert_eq!(one.mac(), two.mac());
    assert_eq!(one.booted(now()), two.booted(now()));
    assert!(one.booted(now()) < now());
}

#[test]
fn known_tells_of_decoys_are_absent() {
    for seed in 0..16 {
        let persona = invented(seed);
        for user in persona.users() {
            assert!(!["phil", "richard", "sshd", "fake"].contains(&user.name.as_str()));
            assert!(user.made >= persona.set_up() && user.last_login < now());
        }
        assert!(!["svr04", "server", "localhost", "honeypot"].contains(&persona.host_name()));
        assert_eq!(persona.weak.len(), 7);
    }
}

#[test]
fn the_certificate_is_for_the_name_and_follows_it() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open(folder.path(), None, &Bounds::default()).unwrap();
    let kept = KeptPersona { seed: [3; 32], born: 1_795_000_000, keys: some_keys() };
    Persona::keep(&vault, &kept).unwrap();
    let first = Persona::open(&vault, &PersonaConfig::default(), now()).unwrap();
    let again = Persona::open(&vault, &PersonaConfig::default(), now()).unwrap();
    assert_eq!(first.keys().certificate(), again.keys().certificate());
    let config = PersonaConfig { host_name: Some("edge9".to_owned()), ..PersonaConfig::default() };
    let renamed = Persona::open(&vault, &config, now()).unwrap();
    assert_ne!(first.keys().certificate(), renamed.keys().certificate());
    let certificate = renamed.keys().certificate();
    assert!(certificate.windows(5).any(|window| window == b"edge9"));
    let key = |persona: &Persona| persona.keys().host_keys()[0].public_key().clone();
    assert_eq!(key(&first), key(&renamed));
}

#[test]
fn weak_accounts_open_later_and_others_at_once_or_never() {
    let persona = invented(5);
    let (user, password) = persona.weak[0].clone();
    let account = Account { user: "a".to_owned(), password: "b".to_owned() };
    let opens = |admit, pair| persona.opens(admit, std::slice::from_ref(&account), pair);
    assert_eq!(opens(Admit::Weak, (&user, &password)), Opens::Later);
    assert_eq!(opens(Admit::None, (&user, &password)), Opens::Never);
    assert_eq!(opens(Admit::None, ("a", "b")), Opens::AtOnce);
    assert_eq!(opens(Admit::Any, ("x", "y")), Opens::AtOnce);
    assert_eq!(opens(Admit::Weak, ("x", "y")), Opens::Never);
}
