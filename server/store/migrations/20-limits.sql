-- v19 -> v20: limits

-- What an administrator allows one account instead of the limits of everybody.
CREATE TABLE rate_override (
	user       INTEGER PRIMARY KEY, -- atom
	per_second INTEGER NOT NULL,    -- events that it may send; 0 (and burst 0): the account has no limits at all
	burst      INTEGER NOT NULL     -- events at once
);
