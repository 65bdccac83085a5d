# Compiled to security.policy, for security.c.
profile gochan-denied flags=(attach_disconnected) {
	capability,
	change_profile,
	file,
	ptrace,
	signal,
	deny /dev/gochans/** rw,
}

profile gochan-allowed flags=(attach_disconnected) {
	capability,
	change_profile,
	file,
	ptrace,
	signal,
}
