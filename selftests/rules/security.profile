# Compiled to security.policy, for security.c. Without mediate_deleted, naming a channel
# that O_TMPFILE made fails with ENOENT, on any filesystem.
profile gochan-denied flags=(attach_disconnected, mediate_deleted) {
	capability,
	change_profile,
	file,
	ptrace,
	signal,
	deny /dev/gochans/** rw,
}

profile gochan-allowed flags=(attach_disconnected, mediate_deleted) {
	capability,
	change_profile,
	file,
	ptrace,
	signal,
}
