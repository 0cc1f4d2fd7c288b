package secret

import "regexp"

var (
	sensitiveKey = regexp.MustCompile(`(?i)passw|pwd|passphrase|secret|token|jaas|credential|authorization|bearer|` +
		`(?:api|private|access|account|shared|master|signing|encryption|keystore|sas)[._-]?key|connection[._-]?string|basic[._-]?auth`)

	// sensitiveValue is a URL with a password in it, as in mongodb://u:p@host
	// and jdbc:postgresql://host/db?user=u&password=p.
	sensitiveValue = regexp.MustCompile(`(?i)://[^/@\s:]*:[^/@\s]+@|[?&;](?:password|passwd|pwd|secret|token|sig)=[^&;\s]`)

	// reference is a value that a config provider resolves, ${provider:path:key}:
	// it names a secret and is none.
	reference = regexp.MustCompile(`^\$\{[^}]+\}$`)
)

// SensitiveKey reports whether a setting of this name usually holds a secret.
func SensitiveKey(key string) bool { return sensitiveKey.MatchString(key) }

// InConfig reports whether a connector's setting probably holds a secret in
// clear, by its key and value.
func InConfig(key, value string) bool {
	if value == "" || isWord(value) || reference.MatchString(value) {
		return false
	}
	return SensitiveKey(key) || sensitiveValue.MatchString(value)
}
