//! What Sigma calls the channels, providers and events of Windows. Data, and one look-up.

/// What an event of Windows is of, where that follows from its channel, provider and number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WindowsSource {
    /// Such as `security`; `None` for a channel that Sigma has no name for.
    pub(crate) service: Option<&'static str>,
    /// Such as `process_creation`.
    pub(crate) category: Option<&'static str>,
}

/// Channels, and the service that each is.
const CHANNELS: &[(&str, &str)] = &[
    ("Application", "application"),
    ("DNS Server", "dns-server"),
    ("Directory Service", "directory-service"),
    ("MSExchange Management", "msexchange-management"),
    ("Microsoft-IIS-Configuration/Operational", "iis-configuration"),
    ("Microsoft-ServiceBus-Client", "microsoft-servicebus-client"),
    ("Microsoft-ServiceBus-Client/Admin", "microsoft-servicebus-client"),
    ("Microsoft-ServiceBus-Client/Operational", "microsoft-servicebus-client"),
    ("Microsoft-Windows-AppLocker/EXE and DLL", "applocker"),
    ("Microsoft-Windows-AppLocker/MSI and Script", "applocker"),
    ("Microsoft-Windows-AppLocker/Packaged app-Deployment", "applocker"),
    ("Microsoft-Windows-AppLocker/Packaged app-Execution", "applocker"),
    ("Microsoft-Windows-AppModel-Runtime/Admin", "appmodel-runtime"),
    ("Microsoft-Windows-AppXDeploymentServer/Operational", "appxdeployment-server"),
    ("Microsoft-Windows-AppxPackaging/Operational", "appxpackaging-om"),
    ("Microsoft-Windows-Bits-Client/Operational", "bits-client"),
    ("Microsoft-Windows-CAPI2/Operational", "capi2"),
    (
        "Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational",
        "certificateservicesclient-lifecycle-system",
    ),
    (
        "Microsoft-Windows-CertificateServicesClient-Lifecycle-User/Operational",
        "certificateservicesclient-lifecycle-user",
    ),
    ("Microsoft-Windows-CodeIntegrity/Operational", "codeintegrity-operational"),
    ("Microsoft-Windows-DHCP-Server/Operational", "dhcp"),
    ("Microsoft-Windows-DNS Client Events/Operational", "dns-client"),
    ("Microsoft-Windows-DNS-Client/Operational", "dns-client"),
    ("Microsoft-Windows-DNS-Server/Analytical", "dns-server-analytic"),
    ("Microsoft-Windows-DNS-Server/Audit", "dns-server-audit"),
    ("Microsoft-Windows-DNSServer/Analytical", "dns-server-analytic"),
    ("Microsoft-Windows-DNSServer/Audit", "dns-server-audit"),
    ("Microsoft-Windows-Diagnosis-Scripted/Operational", "diagnosis-scripted"),
    ("Microsoft-Windows-DriverFrameworks-UserMode/Operational", "driver-framework"),
    ("Microsoft-Windows-Hyper-V-Worker-Admin", "hyper-v-worker"),
    ("Microsoft-Windows-Kernel-EventTracing/Admin", "kernel-event-tracing"),
    ("Microsoft-Windows-Kernel-EventTracing/Analytic", "kernel-event-tracing"),
    ("Microsoft-Windows-Kernel-ShimEngine/Diagnostic", "kernel-shimengine"),
    ("Microsoft-Windows-Kernel-ShimEngine/Operational", "kernel-shimengine"),
    ("Microsoft-Windows-LDAP-Client/Debug", "ldap"),
    ("Microsoft-Windows-LSA/Operational", "lsa-server"),
    ("Microsoft-Windows-NTFS/Operational", "ntfs"),
    ("Microsoft-Windows-NTLM/Operational", "ntlm"),
    ("Microsoft-Windows-PowerShell/Operational", "powershell"),
    ("Microsoft-Windows-PrintService/Admin", "printservice-admin"),
    ("Microsoft-Windows-PrintService/Operational", "printservice-operational"),
    ("Microsoft-Windows-SENSE/Operational", "sense"),
    ("Microsoft-Windows-SMBClient/Connectivity", "smbclient-connectivity"),
    ("Microsoft-Windows-SMBClient/Operational", "smbclient-operational"),
    ("Microsoft-Windows-SMBClient/Security", "smbclient-security"),
    ("Microsoft-Windows-SMBServer/Connectivity", "smbserver-connectivity"),
    ("Microsoft-Windows-SMBServer/Operational", "smbserver-operational"),
    ("Microsoft-Windows-SMBServer/Security", "smbserver-security"),
    ("Microsoft-Windows-Security-Mitigations/Kernel Mode", "security-mitigations"),
    ("Microsoft-Windows-Security-Mitigations/KernelMode", "security-mitigations"),
    ("Microsoft-Windows-Security-Mitigations/User Mode", "security-mitigations"),
    ("Microsoft-Windows-Security-Mitigations/UserMode", "security-mitigations"),
    ("Microsoft-Windows-Shell-Core/Operational", "shell-core"),
    ("Microsoft-Windows-Sysmon/Operational", "sysmon"),
    ("Microsoft-Windows-TaskScheduler/Operational", "taskscheduler"),
    (
        "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
        "terminalservices-localsessionmanager",
    ),
    (
        "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational",
        "terminalservices-remoteconnectionmanager",
    ),
    ("Microsoft-Windows-VHDMP-Operational", "vhdmp"),
    ("Microsoft-Windows-VHDMP/Operational", "vhdmp"),
    ("Microsoft-Windows-WMI-Activity/Operational", "wmi"),
    ("Microsoft-Windows-Windows Defender/Operational", "windefend"),
    ("Microsoft-Windows-Windows Firewall With Advanced Security/Firewall", "firewall-as"),
    ("Microsoft-Windows-WinRM/Operational", "winrm"),
    ("OpenSSH/Operational", "openssh"),
    ("PowerShellCore/Operational", "powershell"),
    ("Security", "security"),
    ("System", "system"),
    ("Windows PowerShell", "powershell-classic"),
];

/// Events of a service, and the category that each is.
const CATEGORIES: &[(&str, i64, &str)] = &[
    ("powershell", 4103, "ps_module"),
    ("powershell", 4104, "ps_script"),
    ("powershell-classic", 400, "ps_classic_start"),
    ("powershell-classic", 600, "ps_classic_provider_start"),
    ("powershell-classic", 800, "ps_classic_script"),
    ("security", 4657, "registry_set"),
    ("security", 4688, "process_creation"),
    ("security", 4689, "process_termination"),
    ("security", 5156, "network_connection"),
    ("sysmon", 1, "process_creation"),
    ("sysmon", 2, "file_change"),
    ("sysmon", 3, "network_connection"),
    ("sysmon", 4, "sysmon_status"),
    ("sysmon", 5, "process_termination"),
    ("sysmon", 6, "driver_load"),
    ("sysmon", 7, "image_load"),
    ("sysmon", 8, "create_remote_thread"),
    ("sysmon", 9, "raw_access_thread"),
    ("sysmon", 10, "process_access"),
    ("sysmon", 11, "file_event"),
    ("sysmon", 12, "registry_event"),
    ("sysmon", 13, "registry_set"),
    ("sysmon", 14, "registry_rename"),
    ("sysmon", 15, "create_stream_hash"),
    ("sysmon", 16, "sysmon_status"),
    ("sysmon", 17, "pipe_created"),
    ("sysmon", 18, "pipe_created"),
    ("sysmon", 19, "wmi_event"),
    ("sysmon", 20, "wmi_event"),
    ("sysmon", 21, "wmi_event"),
    ("sysmon", 22, "dns_query"),
    ("sysmon", 23, "file_delete"),
    ("sysmon", 24, "clipboard_capture"),
    ("sysmon", 25, "process_tampering"),
    ("sysmon", 26, "file_delete"),
    ("sysmon", 27, "file_block_executable"),
    ("sysmon", 28, "file_block_shredding"),
    ("sysmon", 29, "file_executable_detected"),
    ("sysmon", 255, "sysmon_error"),
    ("windefend", 1006, "antivirus"),
    ("windefend", 1007, "antivirus"),
    ("windefend", 1008, "antivirus"),
    ("windefend", 1015, "antivirus"),
    ("windefend", 1116, "antivirus"),
    ("windefend", 1117, "antivirus"),
    ("windefend", 1118, "antivirus"),
    ("windefend", 1119, "antivirus"),
];

/// What tracing sessions write into channels of any name, told by the provider.
const PROVIDERS: &[(&str, i64, &str)] = &[
    ("Microsoft-Windows-DNS-Client", 3006, "dns_query"),
    ("Microsoft-Windows-Kernel-File", 12, "file_access"),
    ("Microsoft-Windows-Kernel-File", 19, "file_rename"),
    ("Microsoft-Windows-Kernel-File", 27, "file_rename"),
];

/// Sysmon writes what happened to a key into one event; the kind stands in `EventType`.
pub(crate) const REGISTRY_KINDS: &[(&str, &str)] = &[
    ("CreateKey", "registry_add"),
    ("DeleteKey", "registry_delete"),
    ("DeleteValue", "registry_delete"),
    ("RenameKey", "registry_rename"),
    ("SetValue", "registry_set"),
];

/// Gives the service of a channel and the category of an event in it.
pub(crate) fn windows(channel: &str, provider: &str, event_id: Option<i64>) -> WindowsSource {
    let service = CHANNELS.iter().find(|(name, _)| name.eq_ignore_ascii_case(channel));
    let service = service.map(|(_, service)| *service);
    let of_service = event_id.zip(service).and_then(|(id, service)| {
        CATEGORIES.iter().find(|row| (row.0, row.1) == (service, id)).map(|row| row.2)
    });
    let of_provider = || {
        let row = PROVIDERS.iter().find(|row| row.0 == provider && Some(row.1) == event_id);
        row.map(|row| row.2)
    };
    WindowsSource { service, category: of_service.or_else(of_provider) }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    #[test]
    fn channels_and_events() {
        check("Security", "", 4688, expect!["security process_creation"]);
        check("security", "", 4624, expect!["security -"]);
        check("Microsoft-Windows-Sysmon/Operational", "", 1, expect!["sysmon process_creation"]);
        check("Microsoft-Windows-Sysmon/Operational", "", 255, expect!["sysmon sysmon_error"]);
        check("PowerShellCore/Operational", "", 4104, expect!["powershell ps_script"]);
        check("Microsoft-Windows-SmbClient/Security", "", 31017, expect!["smbclient-security -"]);
        check("Some-Trace", "Microsoft-Windows-Kernel-File", 12, expect!["- file_access"]);
        check("Some-Trace", "", 1, expect!["- -"]);
    }

    #[track_caller]
    fn check(channel: &str, provider: &str, id: i64, expect: Expect) {
        let WindowsSource { service, category } = windows(channel, provider, Some(id));
        expect.assert_eq(&format!("{} {}", service.unwrap_or("-"), category.unwrap_or("-")));
    }

    #[test]
    fn rows_are_in_order_and_stand_once() {
        let order = |one: &str, next: &str| one.to_lowercase() < next.to_lowercase();
        let channels: Vec<&str> = CHANNELS.iter().map(|row| row.0).collect();
        let mut sorted = channels.clone();
        sorted.sort_by_key(|name| name.to_lowercase());
        sorted.dedup_by_key(|name| name.to_lowercase());
        assert_eq!(channels.len(), sorted.len());
        assert!(CATEGORIES.is_sorted_by(|one, next| (one.0, one.1) < (next.0, next.1)));
        assert!(REGISTRY_KINDS.is_sorted_by(|one, next| order(one.0, next.0)));
    }
}
