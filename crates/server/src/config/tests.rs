use std::path::Path;

use super::*;

fn faults(values: &[(&str, &str)]) -> Vec<String> {
    let faults = Config::read(Source::of(values.iter().copied())).map(drop).expect_err("the values are wrong");
    faults.0.into_iter().map(|fault| fault.key).collect()
}

#[test]
fn nothing_set_is_a_working_configuration() {
    let config = Config::read(Source::default()).unwrap();
    assert_eq!(config.addr.to_string(), "127.0.0.1:3000");
    assert_eq!(config.heartbeat, Duration::from_secs(15));
    assert_eq!(config.durability, Durability::Disk);
    assert!(config.openai.is_none());
}

#[test]
fn all_faults_are_told_at_once() {
    let keys = faults(&[
        ("WEIR_ADDR", "here"),
        ("WEIR_HEARTBEAT", "soon"),
        ("WEIR_DURABILITY", "maybe"),
        ("WEIR_MODEL", "gpt"),
        ("OPENAI_BASE_URL", "not a url"),
        ("WEIR_LOG", "=a=b="),
    ]);
    for key in ["WEIR_ADDR", "WEIR_HEARTBEAT", "WEIR_DURABILITY", "WEIR_MODEL", "OPENAI_BASE_URL", "WEIR_LOG"] {
        assert!(keys.iter().any(|told| told == key), "{key} is missing in {keys:?}");
    }
}

#[test]
fn auth_1_an_open_server_stays_on_its_machine_and_says_how_to_leave_it() {
    let open = Config::read(Source::of([("WEIR_ADDR", "0.0.0.0:3000")])).map(drop).expect_err("it is open");
    assert_eq!((open.0.len(), open.0[0].key.as_str()), (1, "WEIR_AUTH"));
    assert!(open.0[0].message.contains("WEIR_AUTH=required"), "{open}");
    let required = Config::read(Source::of([("WEIR_ADDR", "0.0.0.0:3000"), ("WEIR_AUTH", "required")])).unwrap();
    assert_eq!(required.auth, AuthMode::Required);
    assert_eq!(faults(&[("WEIR_AUTH", "sometimes")]), ["WEIR_AUTH"]);
}

#[test]
fn where_people_reach_the_server_is_an_origin_and_one_of_its_names() {
    let config = Config::read(Source::of([("WEIR_PUBLIC_URL", "https://Weir.example.org:443/")])).unwrap();
    let url = config.public_url.unwrap();
    assert_eq!((url.origin(), url.is_secure()), ("https://weir.example.org", true));
    assert_eq!(config.hosts, ["weir.example.org"]);
    for wrong in [
        "weir.example.org",
        "ftp://weir.example.org",
        "https://weir.example.org/app",
        "https://a@b",
        "https://",
        "https:weir.example.org",
        "https://weir.example.org.",
        "https://weir.example.org?a",
        "https://weir.example.org#a",
    ] {
        assert_eq!(faults(&[("WEIR_PUBLIC_URL", wrong)]), ["WEIR_PUBLIC_URL"], "{wrong}");
    }
}

#[test]
fn edge_16_a_development_origin_is_on_this_machine_only() {
    let config =
        Config::read(Source::of([("WEIR_DEV_ORIGIN", "http://localhost:3000, http://127.0.0.1:3000")])).unwrap();
    let origins: Vec<_> = config.dev_origins.iter().map(PublicUrl::origin).collect();
    assert_eq!(origins, ["http://localhost:3000", "http://127.0.0.1:3000"]);
    for wrong in [
        "http://192.168.1.5:3000",
        "https://weir.example.org",
        "localhost:3000",
        "http://localhost:3000/app",
        "*",
        "null",
    ] {
        assert_eq!(faults(&[("WEIR_DEV_ORIGIN", wrong)]), ["WEIR_DEV_ORIGIN"], "{wrong}");
    }
    let outside =
        [("WEIR_DEV_ORIGIN", "http://localhost:3000"), ("WEIR_ADDR", "0.0.0.0:3000"), ("WEIR_AUTH", "required")];
    assert_eq!(faults(&outside), ["WEIR_DEV_ORIGIN"]);
}

#[test]
fn a_database_that_is_not_supported_is_not_silently_another_one() {
    for url in ["mysql://localhost/weir", "postgres//localhost", "weir"] {
        assert_eq!(faults(&[("DATABASE_URL", url)]), ["DATABASE_URL"]);
    }
    assert_eq!(faults(&[("REDIS_URL", "http://localhost")]), ["REDIS_URL"]);
    let both = [("DATABASE_URL", "postgres://me:secret@localhost/weir"), ("REDIS_URL", "redis://:secret@localhost")];
    let config = Config::read(Source::of(both)).unwrap();
    assert!(!format!("{config:?}").contains("secret"));
    assert_eq!(Config::read(Source::of([both[1]])).unwrap().without_effect, ["REDIS_URL without DATABASE_URL"]);
}

#[test]
fn the_file_knows_the_same_keys_and_no_others() {
    let mut source = Source::default();
    source.add_toml(Path::new("weir.toml"), "WEIR_ADDR = '127.0.0.1:4000'\nWEIR_HEARTBEAT = '20s'\nWEIR_ADRR = 'x'\n");
    let faults = Config::read(source).expect_err("a key is misspelt");
    assert_eq!(faults.0.len(), 1);
    assert_eq!(faults.0[0].key, "WEIR_ADRR");
}

#[test]
fn mcp_servers_stand_in_tables_of_their_own() {
    let mut source = Source::default();
    source.add_toml(
        Path::new("weir.toml"),
        "WEIR_HEARTBEAT = '20s'\n\
         [[mcp]]\nname = 'files'\ncommand = 'npx'\nargs = ['-y', 'server']\nenv = { TOKEN = 't' }\n\
         [[mcp]]\nname = 'web'\nurl = 'https://example.com/mcp'\nheaders = { Authorization = 'Bearer t' }\nenabled = false\n\
         [[mcp]]\nname = 'in'\nurl = 'https://example.com/mcp'\noauth = { client_id = 'weir', scopes = ['read'] }\n",
    );
    let servers = Config::read(source).unwrap().mcp_servers;
    assert_eq!(
        servers.iter().map(|server| (&*server.name, server.enabled)).collect::<Vec<_>>(),
        [("files", true), ("web", false), ("in", true)]
    );
    let client = servers[2].transport.oauth().unwrap();
    assert_eq!((&*client.client_id, &client.client_secret, &*client.scopes), ("weir", &None, &["read".to_owned()][..]));
}

#[test]
fn everything_that_is_wrong_with_an_mcp_table_is_told() {
    let mut source = Source::default();
    source.add_toml(
        Path::new("weir.toml"),
        "[[mcp]]\nname = 'a_b'\ncommand = 'x'\n[[mcp]]\nname = 'b'\n[[mcp]]\nname = 'c'\nurl = 'ftp://x'\n\
         [[mcp]]\nname = 'd'\ncommand = 'x'\nurl = 'http://x'\n[[mcp]]\nname = 'e'\ncmd = 'x'\n\
         [[mcp]]\nname = 'f'\ncommand = 'x'\n[[mcp]]\nname = 'f'\ncommand = 'y'\n\
         [[mcp]]\nname = 'g'\nurl = 'http://x'\noauth = { client_id = '' }\n\
         [[mcp]]\nname = 'h'\ncommand = 'x'\noauth = { client_id = 'x' }\n",
    );
    let faults = Config::read(source).expect_err("most of it is wrong");
    let keys: Vec<_> = faults.0.iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(
        keys,
        ["mcp[0].name", "mcp[1]", "mcp[2].url", "mcp[3]", "mcp[4]", "mcp[6].name", "mcp[7].oauth.client_id", "mcp[8]"]
    );
}
