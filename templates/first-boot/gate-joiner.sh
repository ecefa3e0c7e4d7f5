# fence: a machine that never founds has begun no init; whoever says so is no machine of ours.
fence() { exit 1; }
