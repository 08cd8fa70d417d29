//! What `INFO` and `CONFIG GET` tell, consistent with one version on one machine.

use std::fmt::Write as _;
use std::time::Duration;

/// What an installation says of its Redis, the same in every connection.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Such as `7.0.15`.
    pub(super) version: String,
    /// Such as `Linux 6.1.0-18-amd64 x86_64`.
    pub(super) os: String,
    /// Forty hexadecimal digits.
    pub(super) run_id: String,
    pub(super) process_id: u32,
    pub(super) port: u16,
    /// How long it has been running.
    pub(super) uptime: Duration,
    /// Seconds since 1970.
    pub(super) now: u64,
    /// Whether a password is asked for, as `requirepass` does.
    pub(super) asks_password: bool,
}

impl Facts {
    /// The first number of the version, which decides how faults are told.
    pub(super) fn major(&self) -> u32 {
        self.version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(6)
    }
}

/// What changes within a connection and stands in `INFO`.
pub(super) struct Standing<'a> {
    pub(super) keys: usize,
    pub(super) commands: u64,
    /// Whom it was told to follow.
    pub(super) master: Option<&'a (String, String)>,
}

type Section = fn(&Facts, &Standing<'_>) -> String;

/// The sections, in the order of Redis, each with its name in small letters.
const SECTIONS: &[(&str, Section)] = &[
    ("server", server),
    ("clients", clients),
    ("memory", memory),
    ("persistence", persistence),
    ("stats", stats),
    ("replication", replication),
    ("cpu", cpu),
    ("modules", |_, _| "# Modules\r\n".to_owned()),
    ("cluster", |_, _| "# Cluster\r\ncluster_enabled:0\r\n".to_owned()),
    ("keyspace", keyspace),
];

/// What `INFO` answers; `wanted` are the sections asked for.
pub(super) fn info(facts: &Facts, standing: &Standing<'_>, wanted: &[String]) -> String {
    let all = ["all", "everything", "default"];
    let all = wanted.is_empty() || wanted.iter().any(|name| all.contains(&name.as_str()));
    let told: Vec<String> = SECTIONS
        .iter()
        .filter(|(name, _)| all || wanted.iter().any(|wanted| wanted == name))
        .map(|(_, section)| section(facts, standing))
        .collect();
    told.join("\r\n")
}

fn server(facts: &Facts, _: &Standing<'_>) -> String {
    let uptime = facts.uptime.as_secs();
    lines(
        "Server",
        &[
            ("redis_version", facts.version.clone()),
            ("redis_git_sha1", "00000000".to_owned()),
            ("redis_git_dirty", "0".to_owned()),
            ("redis_build_id", facts.run_id.get(..16).unwrap_or_default().to_owned()),
            ("redis_mode", "standalone".to_owned()),
            ("os", facts.os.clone()),
            ("arch_bits", "64".to_owned()),
            ("multiplexing_api", "epoll".to_owned()),
            ("atomicvar_api", "c11-builtin".to_owned()),
            ("gcc_version", "10.2.1".to_owned()),
            ("process_id", facts.process_id.to_string()),
            ("run_id", facts.run_id.clone()),
            ("tcp_port", facts.port.to_string()),
            ("uptime_in_seconds", uptime.to_string()),
            ("uptime_in_days", (uptime / 86_400).to_string()),
            ("hz", "10".to_owned()),
            ("configured_hz", "10".to_owned()),
            ("lru_clock", (facts.now & 0x00ff_ffff).to_string()),
            ("executable", "/usr/bin/redis-server".to_owned()),
            ("config_file", "/etc/redis/redis.conf".to_owned()),
        ],
    )
}

fn clients(_: &Facts, _: &Standing<'_>) -> String {
    fixed(
        "Clients",
        "connected_clients:3 client_recent_max_input_buffer:20480 client_recent_max_output_buffer:0 blocked_clients:0 \
         tracking_clients:0 clients_in_timeout_table:0",
    )
}

fn memory(facts: &Facts, standing: &Standing<'_>) -> String {
    // Grows a little with the uptime and the keys, as a server's does.
    let used = 1_121_480
        + facts.uptime.as_secs() / 60 % 4096
        + 96 * u64::try_from(standing.keys).unwrap_or(0);
    lines(
        "Memory",
        &[
            ("used_memory", used.to_string()),
            ("used_memory_human", mebibytes(used)),
            ("used_memory_rss", (used * 9).to_string()),
            ("used_memory_rss_human", mebibytes(used * 9)),
            ("used_memory_peak", (used + 62_304).to_string()),
            ("used_memory_peak_human", mebibytes(used + 62_304)),
            ("total_system_memory", "4109557760".to_owned()),
            ("total_system_memory_human", "3.83G".to_owned()),
            ("maxmemory", "0".to_owned()),
            ("maxmemory_human", "0B".to_owned()),
            ("maxmemory_policy", "noeviction".to_owned()),
            ("mem_fragmentation_ratio", "9.02".to_owned()),
            ("mem_allocator", "jemalloc-5.2.1".to_owned()),
            ("active_defrag_running", "0".to_owned()),
            ("lazyfree_pending_objects", "0".to_owned()),
        ],
    )
}

fn persistence(facts: &Facts, standing: &Standing<'_>) -> String {
    let saved = facts.now.saturating_sub(facts.uptime.as_secs() % 3_600);
    let changes = standing.keys.to_string();
    let mut out = lines(
        "Persistence",
        &[
            ("loading", "0".to_owned()),
            ("rdb_changes_since_last_save", changes),
            ("rdb_bgsave_in_progress", "0".to_owned()),
            ("rdb_last_save_time", saved.to_string()),
        ],
    );
    out.push_str(
        "rdb_last_bgsave_status:ok\r\nrdb_last_bgsave_time_sec:0\r\n\
         rdb_current_bgsave_time_sec:-1\r\nrdb_saves:12\r\naof_enabled:0\r\n\
         aof_rewrite_in_progress:0\r\naof_last_write_status:ok\r\n",
    );
    out
}

fn stats(facts: &Facts, standing: &Standing<'_>) -> String {
    let minutes = facts.uptime.as_secs() / 60;
    lines(
        "Stats",
        &[
            ("total_connections_received", (minutes / 3 + 4).to_string()),
            ("total_commands_processed", (minutes * 2 + standing.commands).to_string()),
            ("instantaneous_ops_per_sec", "0".to_owned()),
            ("total_net_input_bytes", (minutes * 71 + 3_141).to_string()),
            ("total_net_output_bytes", (minutes * 1_618 + 27_182).to_string()),
            ("rejected_connections", "0".to_owned()),
            ("expired_keys", "0".to_owned()),
            ("evicted_keys", "0".to_owned()),
            ("keyspace_hits", "0".to_owned()),
            ("keyspace_misses", "0".to_owned()),
            ("latest_fork_usec", "312".to_owned()),
        ],
    )
}

fn replication(facts: &Facts, standing: &Standing<'_>) -> String {
    let id: String = facts.run_id.chars().rev().collect();
    let mut out = "# Replication\r\n".to_owned();
    match standing.master {
        None => out.push_str("role:master\r\nconnected_slaves:0\r\n"),
        // It never connects, as if the other machine did not answer.
        Some((host, port)) => {
            let _ = write!(
                out,
                "role:slave\r\nmaster_host:{host}\r\nmaster_port:{port}\r\nmaster_link_status:down\r\n\
                 master_last_io_seconds_ago:-1\r\nmaster_sync_in_progress:0\r\n\
                 slave_read_repl_offset:0\r\nslave_repl_offset:0\r\nslave_priority:100\r\n\
                 slave_read_only:1\r\nreplica_announced:1\r\nconnected_slaves:0\r\n",
            );
        }
    }
    let _ = write!(
        out,
        "master_failover_state:no-failover\r\nmaster_replid:{id}\r\n\
         master_replid2:0000000000000000000000000000000000000000\r\nmaster_repl_offset:0\r\n\
         second_repl_offset:-1\r\nrepl_backlog_active:0\r\nrepl_backlog_size:1048576\r\n\
         repl_backlog_first_byte_offset:0\r\nrepl_backlog_histlen:0\r\n",
    );
    out
}

fn cpu(facts: &Facts, _: &Standing<'_>) -> String {
    let seconds = facts.uptime.as_secs() / 700;
    lines(
        "CPU",
        &[
            ("used_cpu_sys", format!("{}.402117", seconds + 1)),
            ("used_cpu_user", format!("{}.118652", seconds + 2)),
            ("used_cpu_sys_children", "0.004913".to_owned()),
            ("used_cpu_user_children", "0.009127".to_owned()),
        ],
    )
}

fn keyspace(_: &Facts, standing: &Standing<'_>) -> String {
    match standing.keys {
        0 => "# Keyspace\r\n".to_owned(),
        keys => format!("# Keyspace\r\ndb0:keys={keys},expires=0,avg_ttl=0\r\n"),
    }
}

fn lines(title: &str, rows: &[(&str, String)]) -> String {
    let mut out = format!("# {title}\r\n");
    for (name, value) in rows {
        let _ = write!(out, "{name}:{value}\r\n");
    }
    out
}

fn fixed(title: &str, rows: &str) -> String {
    format!("# {title}\r\n{}\r\n", rows.split_whitespace().collect::<Vec<_>>().join("\r\n"))
}

fn mebibytes(bytes: u64) -> String {
    let hundredths = bytes * 100 / 1_048_576;
    format!("{}.{:02}M", hundredths / 100, hundredths % 100)
}
