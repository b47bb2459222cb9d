package servertest

import "beffroi/server/config"

// Limited switches the limits on, and lets the test's clients say what address they have (X-Forwarded-For).
func Limited(c *config.Config) { c.Limits.Enabled, c.Listen.Proxies = true, "127.0.0.1" }
