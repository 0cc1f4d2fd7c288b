package event

import (
	"cmp"
	"fmt"
	"os"
	"os/user"
	"strconv"
)

// HolderVariable is the environment variable that names on whose behalf ferry runs, such
// as a Kestra execution.
const HolderVariable = "FERRY_HOLDER"

// Holder is who runs ferry.
type Holder struct {
	User    string `json:"user"`
	Host    string `json:"host"`
	Process int    `json:"process"`
	// For is the value of [HolderVariable].
	For string `json:"for,omitempty"`
}

// ThisProcess returns who runs this process, as far as the system knows.
func ThisProcess() Holder {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	name := strconv.Itoa(os.Getuid())
	if known, err := user.Current(); err == nil { // a container's user may have no name
		name = cmp.Or(known.Username, name)
	}
	return Holder{User: name, Host: host, Process: os.Getpid(), For: os.Getenv(HolderVariable)}
}

func (h Holder) String() string {
	text := fmt.Sprintf("%s@%s (process %d)", cmp.Or(h.User, "unknown"), cmp.Or(h.Host, "unknown"), h.Process)
	if h.For != "" {
		text += " for " + h.For
	}
	return text
}
