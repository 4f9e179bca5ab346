"""Where keys, tokens and other people's programs lie: nothing that works on a task needs to see them."""

BELOW_HOME = (
    ".ssh", ".gnupg", ".password-store", ".pki", ".netrc", "_netrc", ".authinfo", ".authinfo.gpg", ".git-credentials", ".git-credential-cache",
    ".config/git/credentials", ".cache/git/credential", ".config/gh", ".config/glab-cli", ".config/hub", ".config/tea", ".config/github-copilot",
    ".subversion/auth", ".npmrc", ".yarnrc.yml", ".pypirc", ".config/pypoetry/auth.toml", ".local/share/uv/credentials",
    ".cargo/credentials", ".cargo/credentials.toml", ".gem/credentials", ".local/share/gem/credentials", ".bundle/config", ".m2/settings.xml",
    ".m2/settings-security.xml", ".ivy2/.credentials", ".sbt/.credentials", ".hex/hex.config",
    ".gradle/gradle.properties", ".composer/auth.json", ".config/composer/auth.json", ".nuget/NuGet/NuGet.Config",
    ".aws", ".azure", ".config/gcloud", ".config/doctl", ".config/hcloud", ".config/heroku", ".config/scw", ".config/linode-cli", ".aliyun", ".bluemix",
    ".oci", ".kube", ".docker", ".colima", ".lima", ".orbstack", ".rd", ".config/lxc", ".config/incus",
    ".config/containers/auth.json", ".config/helm", ".vault-token", ".terraform.d/credentials.tfrc.json", ".terraformrc", ".pulumi/credentials.json",
    ".config/rclone", ".config/restic", ".config/borg", ".mc", ".config/op", ".config/sops", ".config/age", ".cloudflared", ".config/ngrok", ".config/tailscale",
    ".fly", ".vercel", ".local/share/com.vercel.cli", ".netlify", ".config/netlify", ".railway", ".supabase", ".wrangler", ".config/.wrangler",
    ".config/configstore", ".config/stripe", ".sentryclirc", ".expo", ".databrickscfg", ".snowflake", ".config/snowflake", ".kaggle",
    ".huggingface/token", ".cache/huggingface/token", ".cache/huggingface/stored_tokens", ".config/io.datasette.llm/keys.json",
    ".local/share/keyrings", ".local/share/kwalletd", ".config/keybase", ".local/share/keybase", ".bitcoin", ".ethereum", ".config/solana",
    ".mozilla", ".thunderbird", ".librewolf", ".config/mozilla", ".config/google-chrome", ".config/chromium", ".config/vivaldi", ".config/opera",
    ".config/BraveSoftware", ".config/microsoft-edge", "snap/firefox", "snap/chromium", "snap/thunderbird", ".var/app/org.mozilla.firefox",
    ".var/app/org.chromium.Chromium", ".var/app/com.google.Chrome",
    ".config/1Password", ".1password", ".config/Bitwarden", ".bitwarden-ssh-agent.sock", ".config/Signal", ".config/Slack", ".config/discord",
    ".Xauthority", ".ICEauthority", ".pgpass", ".my.cnf", ".mylogin.cnf", ".s3cfg", ".boto", ".msmtprc", ".mbsyncrc", ".fetchmailrc",
    ".bash_history", ".zsh_history", ".python_history", ".node_repl_history", ".psql_history", ".mysql_history", ".sqlite_history", ".irb_history",
    ".local/share/fish/fish_history", ".local/share/atuin",
    "Library/Keychains", "Library/Cookies", "Library/Application Support/Google/Chrome", "Library/Application Support/Firefox",
    "Library/Application Support/1Password",
)  # fmt: skip
"""From the home folder; what is not there is not missed."""

OF_THE_MACHINE = (
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/ssl/private",
    "/etc/krb5.keytab",
)
"""Which root can read."""

SOCKETS = ("/run", "/var/run")
"""Where services listen: a folder that may only be read does not keep anybody from talking to them."""

NEEDED_OF_SOCKETS = (
    "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager/resolv.conf", "/run/NetworkManager/no-stub-resolv.conf",
    "/run/nscd", "/run/current-system", "/run/wrappers", "/run/opengl-driver", "/run/booted-system",
    "/var/run/mDNSResponder", "/var/run/resolv.conf",
)  # fmt: skip
"""What names are looked up by, and where NixOS has its programs."""

TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")
"""What everybody may write in: a program gets an empty folder in their place."""

IN_THE_TREE = ".env*"
"""Of the person's own tree, at its root."""
