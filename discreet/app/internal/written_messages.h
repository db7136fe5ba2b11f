#pragma once

#include <array>
#include <string_view>

namespace discreet::app::internal {

/// Messages written down by hand in the forms that people use, details in braces, and messages without any that look as if
/// they had some. Who wrote them knew the rules: they show what these are for, and their limits, not how often text has each.
inline constexpr std::array kWrittenMessages = {
    "Hi, it's {Karen Whitfield} from the school office, please ring back on {(555) 010-4477}.",
    "You can reach {Dr. Samuel K. Adeyemi} at {+44 20 7946 0123 ext. 12} until noon.",
    "{Jean-Marc Dubois} asked for the key, and {Mary’s} sister has it.",
    "“{Thomas}” was all that he said — then the line went dead.",
    "Send the slides to {o.fitzgerald+work@mail.example.org}, not to the list.",
    "My new address is {221B Chestnut Avenue}, second floor.",
    "We moved from {7, Harbour Road} to a flat by the station.",
    "The account is {DE89 3704 0044 0532 0130 00}; use my name as the reference.",
    "Card {4111-1111-1111-1111} was declined twice this morning.",
    "Her number is {555.010.9982}, or try the clinic on {0176 55512345}.",
    "The router at {192.168.17.44} has the address {00:1B:44:11:3A:B7}.",
    "I filled in {219-09-9999} on the form and they lost it.",
    "Look at {https://files.example.com/u/9912/report.pdf} before the call.",
    "The code for the side door is {4 0 9 2}, don't write it down.",
    "I owe {Priya Raghunathan} a favour since last year.",           // on no list
    "{Zoë} said she'd bring the cups.",                              // on no list
    "Ask at {One Quarry Lane}, they know.",                          // a number in letters
    "Write to {anna at example dot org} if it breaks.",              // spelled out
    "My handle over there is {night_heron88}.",                      // no form
    "Born on {the 4th of March 1981}, in a snow storm.",             // no form
    "He walked 12 miles down the street and never complained.",
    "Take 5 minutes to drive there, it is worth it.",
    "There are 2 good ways to court disaster; this is the third.",
    "Chapter 3 (2019) covers 1914-1918 in some depth.",
    "We need n+1 tests for n cases, say 25 or 30.",
    "Pi is 3.14159, which nobody asked about at 10:30.",
    "Mark the date, and bill the client for 40 hours.",
    "I hope that grace and joy will find you in the new place.",
    "The meeting of 2024-03-12 10:30 was moved to 14/03/2024.",
    "Version 10.2.1 fixes the crash of std::vector on row 12.",
    "The old road to the mill has 3 lanes and no lights.",
    "She came 2nd in the 100 metres and 3rd in the long jump.",
    "Between 1990 and 2005 the village lost half of its people.",
    "Our team won 3-2 after extra time, in front of 800 fans.",
    "Room 12 is on the way to the terrace, past the bar.",
    "About 12,500 people signed, which is more than in 2019.",       // a number of five digits counts
};

}  // namespace discreet::app::internal
