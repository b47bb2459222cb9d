//go:build noui

package embedui

import (
	"embed"
	"io/fs"
)

func files() fs.FS { return embed.FS{} }
