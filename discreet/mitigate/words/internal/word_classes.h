#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_set>

// Classes of English words by which pronouns.cpp tells an object from a possessive.

namespace discreet::mitigate::internal {

/// Parts of a literal, views of it.
template <class Act>
void each_between_blanks(std::string_view words, const Act& act) {
  for (std::size_t i = 0; i < words.size();) {
    const std::size_t end = std::min(words.find(' ', i), words.size());
    if (end > i) act(words.substr(i, end - i));
    i = end + 1;
  }
}

/// A closed class of words, written with blanks between them.
class WordClass {
 public:
  explicit WordClass(std::string_view words) {
    each_between_blanks(words, [this](std::string_view word) { words_.insert(word); });
  }
  bool has(std::string_view word) const { return words_.count(word) > 0; }

 private:
  std::unordered_set<std::string_view> words_;
};

/// A class of verbs: the forms of regular ones by rule (walk, walks, walked, walking; stop, stopped; make, making; carry,
/// carries), and irregular forms as they are.
class VerbClass {
 public:
  VerbClass(std::string_view base, std::string_view irregular) {
    each_between_blanks(irregular, [this](std::string_view form) { forms_.emplace(form); });
    each_between_blanks(base, [this](std::string_view word) {
      const std::string verb(word);
      for (const char* ending : {"", "s", "es", "ed", "d", "ing"}) forms_.insert(verb + ending);
      const std::string stem = verb.substr(0, verb.size() - 1);
      if (verb.back() == 'e') forms_.insert(stem + "ing");
      if (verb.back() == 'y') forms_.insert({stem + "ies", stem + "ied"});
      for (const char* ending : {"ed", "ing"}) forms_.insert(verb + verb.back() + ending);
    });
  }
  bool has(const std::string& word) const { return forms_.count(word) > 0; }

 private:
  std::unordered_set<std::string> forms_;
};

// No noun phrase begins with these after a possessive: what stands before them is an object.
inline const WordClass kFunctionWords(
    // articles, pronouns, possessives
    "the a an this that these those it its i you he she we they me us them my your our their him his her hers some any each "
    "every no none something anything nothing everything someone anyone everyone somebody anybody nobody everybody what "
    "who whom whose which where when why how whether enough both either neither another himself herself itself themselves "
    "myself yourself ourselves "
    // prepositions
    "to for from with without in into on onto at by of about after before during through throughout between among amongst "
    "against toward towards upon under underneath beneath beside besides behind across along around over above below via "
    "within until till since despite except near off out up per than beyond amid regardless according alongside atop "
    // conjunctions
    "and or nor but if because as while although though unless whereas so yet whenever wherever lest whilst coz cuz "
    // auxiliaries
    "is was are were be been am has have had does did do would could should shall can may might must cannot wo isn wasn "
    "didn doesn hadn hasn wouldn couldn shouldn ought ain aint "
    // finite forms of verbs that are neither nouns nor adjectives
    "made makes said says went goes got gets took takes came comes knew knows told tells seems seemed became becomes began died chose "
    "begins died chose wrote gave gives asks thinks fell sits ran saw sees wants "
    // adverbs of place, time and manner
    "away there here again too also not etc sooner somehow somewhat instead together aside apart alone anyway afterwards "
    "afterward somewhere anywhere "
    "elsewhere everywhere forever asleep awake anyways ago yesterday today tomorrow tonight backwards upstairs downstairs "
    "abroad aboard ashore maybe however therefore thus hence otherwise moreover furthermore indeed nevertheless meanwhile "
    "ahead nowadays onstage offstage midway overnight headlong outdoors indoors sometimes someday whatsoever altogether outright aback astray straight anymore twice self beforehand nonetheless "
    "nevertheless halfway upside goodnight onscreen on-screen offscreen off-screen nonstop unharmed lately "
    // of chat
    "lol lmao omg pls plz tho btw idk ily tbh imo thx thanks yes yeah hi hello please wtf haha til accross "
    // of older English, and words with a hyphen that are used as adverbs
    "hither thither whither hence thence forth yonder ere oft o thou thee thy thine ye hath hast doth dost forthwith "
    "hereafter therein thereof thereby therefrom hitherward hitherwards thitherward ne to-day to-night to-morrow "
    "point-blank head-first one-on-one face-to-face");

// Function words that a noun phrase may begin with after a possessive, and adverbs or particles of an object: the word
// behind them tells.
inline const WordClass kAdverbs(
    "then now still only more most much well better best less least very further ever almost nearly already long "
    "later earlier rather quite always often never just even equally perhaps once really truly back home inside "
    "outside down round right past like all such half free close open live left one two three last first next "
    "second third forward prior worse hard alive early late fast far near soon");

inline const WordClass kPronounsAndArticles(
    "the a an this that these those it its me us you them my your our their him his himself herself something "
    "anything everything nothing someone everyone all another what who how");
inline const WordClass kParticles(
    "up down out off away back over around through in into on onto to for from with at by about against along "
    "across together again alone and or but as until till when while if than that so because before after behind "
    "under towards toward without within upon like too there here now then");

// What a person does who is seen, heard, helped or made to: "let her go".
inline const VerbClass kCausing(
    "let make help watch see hear have feel notice observe witness bid",
    "made making saw seen heard had has felt letting lets bade");
// What someone becomes: "made her happy", "shot her dead".
inline const VerbClass kChanging(
    "make keep leave find drive call consider think deem render get turn want prove declare need like name elect "
    "appoint crown hold set knock strike shoot blast beat paint dub label send catch have see show believe feel "
    "bring suspect imagine judge place pronounce scare bore work rip kiss strip eat bury",
    "made kept left found drove driven thought got gotten held struck shot caught sent had has saw seen making "
    "leaving driving having");
inline const VerbClass kCatching("catch find leave", "caught found left leaving");
inline const VerbClass kPicturing(
    "picture recall remember involve imagine mind mean include risk accept mention represent prevent stop show feature "
    "portray depict spot dig interrupt meet", "meant met");
inline const VerbClass kNaming("call name dub nickname christen rename rechristen label crown brand", "");
inline const VerbClass kAppointing(
    "make elect appoint name crown declare proclaim consider call vote designate",
    "made making");
// A person and a thing follow: "gave her flowers".
inline const VerbClass kGiving(
    "give send buy offer pay hand lend owe sell teach show serve feed fine write read grant award wish promise "
    "bring cost earn fetch pour loan deny allow afford assign guarantee provide supply toss win bet save throw slip "
    "extend fix cook "
    "cause make build bake procure secure bequeath accord render",
    "gave given sent bought paid lent sold taught shown brought wrote written won threw made giving making building "
    "fed");
// Of these the person is the object, unless a word of theirs follows.
inline const VerbClass kTelling(
    "tell ask inform remind warn assure advise persuade convince promise beg urge thank notify",
    "told");

inline const VerbClass kHomeward(
    "drive take bring send walk follow see get invite welcome carry call escort lead drag fly let allow want help "
    "lure",
    "drove took taken brought sent saw got led flew lets");
// "took her home", "called her back", "led her past": what they do is done to her.
inline const VerbClass kMoving(
    "walk drive take lead push run get guide rush send move pass wave pull drag follow bring call see want welcome "
    "invite hold knock let put hit carry chase escort win have keep buy pay throw draw leave lay give love hate "
    "treat trust set make know meet kill beat fight track hunt shoot strike slap pin turn talk calm help marry ask "
    "tell show contact visit join stick text write order vote allow haunt snap fly ship summon recall trick lure "
    "bite ease scare nurse drop miss",
    "drove took led ran got sent brought called saw seen held hit won had kept bought paid threw drew left laid "
    "gave given made knew met beat fought shot struck told stuck wrote written let lets flew bit");
inline const VerbClass kKnowing("know love like suit serve remember describe fit please treat think", "knew thought");

inline const WordClass kPrepositions(
    "on in at to from of by into onto through under behind with for about during upon over across against between "
    "among near beside besides around like without towards toward after before except than");
inline const WordClass kPossessives("her his my your our their");
inline const WordClass kBe("is was are were be been being am isn't wasn't 's");

// Base forms of verbs that are no nouns: after a causing verb they are what the person does.
inline const WordClass kBaseVerbs(
    "abandon abolish absorb accompany accomplish accuse adore adorn advertise afford aggravate allow alter amuse "
    "annihilate annoy anticipate appease apply appreciate approve arise arouse arrange arrive assassinate assert "
    "assess assign assist assume atone attend attract awake awaken babysit baptize befriend beg behead behold belong "
    "bend bestow betray blend bless blossom borrow brag breed bury cancel captivate caress cease celebrate chop cite "
    "clarify cling clutch coax coexist collect collide commence communicate compare compete compile complain compose "
    "comprehend compute conceal conceive concentrate confer confide confiscate conform congratulate conjure connect "
    "consider consist console consult consume contain contemplate contend contribute converse convey correspond "
    "corrupt cringe criticize criticise cultivate dangle declare decode decorate dedicate deem defecate define delete "
    "deny depart depend depict deploy deprive derive descend deserve despise detach detect deter devise devote devour "
    "dine diminish disagree disarm discard discuss dismantle dismiss disobey dispel disrupt dissolve distract "
    "distribute disturb donate doze drool dwell elaborate eliminate embark embarrass emerge emit employ enable "
    "encourage endorse enforce enhance enlist enrich enroll ensure entertain erase erupt evacuate evaluate evaporate "
    "evoke examine exceed excel execute exhale exist expect expel explode expose extend extinguish falter fathom "
    "fidget flatter flaunt flinch flirt foresee formulate fornicate frighten frolic frustrate giggle glide gloat gnaw "
    "govern greet grope harass heave hesitate hurl ignite ignore illustrate impersonate implement impose impress "
    "include indulge inflict inform inherit inject injure inquire insert insist inspect inspire instruct integrate "
    "intend intervene interpret interrogate intimidate introduce invade invent invest involve justify linger loosen "
    "lurk manipulate mature mend misbehave mourn mow mumble munch mutter narrate nurture obey oblige observe occupy "
    "occur offend operate oppose oppress outgrow outshine outsmart overact overhear overlook pee penetrate perceive "
    "perish persist persuade pinpoint plead pluck pounce pray predict prefer preserve proclaim procrastinate "
    "pronounce propose prosecute prosper punish radiate rationalize reappear reassure receive recognise recognize "
    "recommend reconcile reconsider reconstruct redeem reflect rehearse reinvent rejoice relate relieve rely remain "
    "remarry reminisce renounce repay repent replace represent resemble resent reside resign restore restrain resume "
    "resurrect retaliate retain rethink revive savor scold sculpt seize select sew shatter shrink soar socialize "
    "soften solicit soothe specialize speculate stammer steer stifle strangle strive subdue sue suggest suppose "
    "surpass sustain swallow swoon sympathize testify thrash thrive tighten tolerate topple trample uncover undergo "
    "undermine undo unfold unlock unravel unwind uphold urinate utter verify wade weave withdraw withstand woo "
    "wriggle yearn "
    "go be do get know see come become think feel take give make leave lose keep tell say ask find realise realize "
    "understand believe forget remember sing eat die learn grow write read speak sit seem appear choose decide meet "
    "marry buy sell bring carry create discover explain express join enter survive suffer achieve overcome perform "
    "prepare reach recover relax solve begin continue succeed teach hide hear accept admit agree regain earn "
    "develop obtain secure adjust apologise apologize disappear vanish defeat destroy avoid identify locate "
    "investigate remove rob steal commit beat drown bleed undress explore expand avenge adapt improve maintain "
    "manage prove confront convince defend deliver demonstrate acquire assemble attain conquer deceive defuse "
    "demolish dig dispose distinguish endure establish evade evolve fend flee forgive fulfil fulfill gather heal "
    "infiltrate kidnap melt navigate negotiate set prevail spend suppress squirm relive resist retrieve organise "
    "organize overthrow possess publish pursue rebuild reconnect recreate reveal seduce settle stumble succumb "
    "reproduce imitate recite glow stagnate swear listen behave breathe confess cooperate crumble describe pretend "
    "preach proceed protect react refuse reject resolve respond reunite seek sneak starve suffocate whine ponder engage "
    "participate tremble throw wrestle "
    "transition translate unleash unite vomit wander weep agonise agonize traverse gulp hoist submit retire essay shun partake "
    "thwart imprison merge shrivel loose creep spy outlive grin slay kneel");
// Base forms that are nouns too: of a verb the object, a particle or the end follows.
inline const WordClass kVerbsOrNouns(
    "ache age aim arm assault babble bark bat battle bet bid bite blame block blush board boast boil bounce bow bowl "
    "brush bump chant charge cheer chew choke chuckle clap clash coach collapse combat comfort compromise conduct "
    "consent contact convert convict cough crack croak cure curse dare dash date debate decline delay demand deposit "
    "desert design desire digest disguise dislike display divorce doubt drag drain drip duck ease edit embrace "
    "encounter end exchange excuse exercise exit exploit faint fake fart favor fear feed figure file fill flap flip "
    "float fold fool force forge foster frown fumble function gallop gasp gaze glance glare grasp grind groan groom "
    "growl grumble guess hack halt harm hate haul help hop howl hurry hurt insult jog judge juggle knit lament leap "
    "lecture lick limit limp load lock long lure march marvel mate matter meditate mess mimic moan mock model murder "
    "murmur nag name nod object order pace paint pant party peel phone pitch poke pose pour practice practise praise "
    "produce profit prowl puke purchase purr quit quote rage raid rain rant rap rape rattle rave rebel recall record "
    "recruit reform regret reign repair repeat reply respect retreat revenge revolt reward ruin sail salute sample "
    "scowl scramble scratch scrub shake shiver shop shove shriek shrug shudder shut sigh sin sip skate ski skip slam "
    "slap slaughter slice slide slip smash smell snap snarl sneer sneeze sniff snore snort soak sob spark spawn spill "
    "spin spit split spoil spot sprint sprout squat squeal squeeze stab stagger stalk stamp stare state sting stink "
    "stir storm stretch stride strike stroke stroll strut stutter suck sulk surf surprise suspect sway sweat sweep "
    "switch swoop tackle tap target taunt tear tease threaten thrust tickle toast torment torture toss tour tow trade "
    "treat trick trip triumph trot trouble trust tug tumble twist twitch type value view wag wail wake warm waste "
    "water weigh whip whisper whistle wiggle wink wipe worry worship wound wrap wreck yawn yelp yield "
    "cry win stand fall rise stay wait try pay hold break build escape swim travel wear deal cope look scream shout "
    "yell open drop follow fight kill catch chase save rescue finish sign call pack rest study focus sleep cook "
    "wash shave shower clean dress walk talk run jump laugh smile drink smoke dance play live work move turn act "
    "sound throw put pull push pick grab cut shoot hit kick punch fly blow burn drive lead lift launch guide handle "
    "hang hunt fix ride shine sink struggle support surrender transform wonder raise gain progress promote complete "
    "direct love face return start stop plan step touch use hope dream answer attack test search vote kiss hug "
    "visit need want care strip rush trace track rule share shed swing taste trap grieve cheat crawl climb control "
    "cross cover crash cast drift dive crush roll rock report race release roam bear lie lay pass rot sense ramble "
    "count argue come tie kneel lean set pop knock patch capture witness score interact dispatch venture train "
    "install develop");
inline const WordClass kSenses("look feel seem appear sound");
// Of someone who is let do something these are not what is done.
inline const WordClass kNotLet(
    "hair guard imagination anger hand hands mind body voice heart career past ego work emotions feelings temper "
    "fears");

// States of someone who is made, kept, found, left or wanted so.
inline const WordClass kStates(
    "numb decent sexy loathsome cocky mean whole older younger taller shorter bigger smaller fatter thinner richer "
    "poorer wiser braver bolder nicer meaner louder scared scary terrified creepy grumpy moody nasty dizzy drowsy "
    "needy greedy lucky unlucky wealthy filthy sweaty smelly goofy pathetic inhuman superhuman tame glad supple "
    "unworthy immoral moral false true square barren pale red blue black purple fat thin skinny chubby obese lean "
    "tall small tiny old young uncool fun real unreal normal abnormal special unique empathetic sincere insincere "
    "authentic genuine honest dishonest loyal disloyal faithful gentle tender warm-hearted cruel kind unkind polite "
    "impolite rotten corrupt clever brilliant bright gullible naive foolish ridiculous absurd mysterious sinister "
    "menacing threatening intimidating frightening terrifying likely unlikely due subordinate dependent independent "
    "responsive unresponsive irresponsible impatient patient impotent important unimportant relevant present absent "
    "intact unscathed unhurt unmoved unclear clear evident bearable relatable tolerable dead-on homesick seasick "
    "heartsick lovesick bankrupt broke toothless legless armless childlike godlike lifelike childish sterile fertile "
    "infertile saner pleasant unpleasant attentive inattentive awake asleep alone apart adrift afloat aflame ablaze "
    "aghast agog akin alike aloof averse awry elusive evasive offensive defensive aggressive passive impressive "
    "unimpressive persuasive appealing unappealing endearing tempting fascinating puzzling intriguing irritating "
    "exhausting infuriating refreshing depressing disgusting revolting disturbing offputting eager keen reluctant "
    "hesitant willing unwilling nearby stationary motionless still sideways hysterical delirious feverish cross sour "
    "bald blond blonde tan brown green orange sexual asexual celibate frigid rigid timid livid vivid morbid placid "
    "lucid candid splendid sordid squalid horrid insipid stupid-looking soaking nude bare barefoot topless shirtless "
    "loose lonesome awesome gruesome handsome-looking tiresome worrisome troublesome fearsome wholesome worldly "
    "fulfilled unfulfilled "
    "happy sad angry mad proud busy warm cold cool sick ill dead pregnant crazy insane nervous popular unable able "
    "safe ready sure unhappy guilty jealous upset blind speechless aware naked wrong alive bad mortal hot quiet "
    "calm strong weak stronger weaker slower faster better worse happier rich poor famous human likable likeable "
    "lovable believable invincible gay straight bitter furious brave rude strange charming innocent interesting "
    "funny hilarious obnoxious mental bloody cynical sympathetic annoying attractive irresistible repulsive "
    "vulnerable suspicious homeless helpless hopeless useless worthless powerless sleepless childless harmless "
    "penniless lost gone captive prisoner hostage available eligible responsible sober clean dirty wet dry thirsty "
    "hungry tired sleepy bored lonely comfortable uncomfortable satisfied dumb stupid smart cute ugly beautiful "
    "handsome boring dull sane immortal invisible irrelevant heroic tragic radioactive unconscious unprotected "
    "unarmed unemployed unharmed frustrated hospitalized hospitalised paralyzed paralysed paralytic dying serious "
    "company accountable liable prone worthy welcome tough evil friendless susceptible incapable capable afraid "
    "ashamed short locked stuck tied trapped caught killed arrested fired hooked released involved committed "
    "expelled thrown drunk ineligible redundant unfit fit certain different similar equal superior inferior silent "
    "content deaf lame excellent healthy simple perfect paranoid stiff easy misunderstood laid lazy close god "
    "subject senseless busted suspect unpopular unwelcome anxious curious desperate restless sore silly out "
    // participles that are no nouns
    "sent driven beaten bitten broken brought built bought chosen done drawn eaten fed fought forgotten frozen hidden led made "
    "paid ridden seen sold shaken shown slain stolen struck sworn taken taught torn told woken worn written shot");
inline const WordClass kOffices(
    "captain king queen president mayor governor chief chairman chairwoman chair head director manager minister "
    "secretary ambassador archbishop bishop cardinal pope abbot abbess duke duchess earl count countess baron "
    "prince princess emperor empress heir heiress leader commander general colonel lieutenant sergeant admiral "
    "major marshal viceroy consul dean professor editor coach deputy vice senator sheriff judge treasurer regent "
    "sultan poet laureate champion sole honorary part master mistress lord lady sir names member guardian partner "
    "executor godfather godmother");

// People and things of someone, which are told, asked, taught: "told her sister".
inline const WordClass kTheirs(
    "husband wife father mother son daughter sons daughters sister brother sisters brothers parents friend friends "
    "boyfriend girlfriend boss child children kid kids uncle aunt family student students story stories colleagues "
    "colleague dad mom mum fans followers teacher teachers doctor lawyer team men people agent fellow best new old "
    "older younger eldest youngest grandmother grandfather grandson granddaughter grandchildren cousin partner "
    "fiance lover mind name version side audience subjects troops soldiers class mother-in-law father-in-law age "
    "life readers reader secret secrets love job neighbour neighbor neighbours neighbors landlord landlady "
    "secretary employer employers guardian guardians manager assistant clients client patients patient staff crew "
    "players opinion permission advice help company companion companions country tale tales own ex employees "
    "workers viewers listeners master maid nurse servant servants officers nephew niece roommate buddy buddies pal "
    "pals therapist psychiatrist superiors superior forgiveness blessing hand leave views view wish request appeal "
    "constituents supporters phone laptop battery card credit future fortune former coach teammates congregation "
    "disciples host guests guest biographer publisher attorney");
// Things that are given or told to someone: "gave her money".
inline const WordClass kGiven(
    "money advice permission access credit lessons instructions directions flowers questions stories information "
    "lies space power hope comfort strength shelter food water medicine recognition top critical international "
    "national widespread fame acclaim nightmares praise control command time better good great bad respect feedback "
    "notice orders help tips bread incorrect many several lots various documents suggestions identification goods "
    "admission three four five six seven eight nine ten twenty thirty fifty one hundred thousand thousands millions "
    "hundreds dozens chocolate chocolates meat soup dinner lunch breakfast tea coffee drinks roses pictures photos "
    "letters jokes papers rent luck happiness success homework clothes french english latin music math mathematics "
    "confidence freedom support medical legal financial free full extra false more less immediate political "
    "religious detailed explicit super super-strength superhuman two courage love loving toughness influence "
    "immunity asylum citizenship custody ownership possession protection refuge sanctuary insight inspiration "
    "pleasure joy pain grief trouble hell sex ice cake candy presents gifts tickets books toys names messages "
    "emails cards anonymous blood milk wine beer whiskey sugar poison drugs pills magic magical special secret "
    "evidence proof reason reasons chance chances entry entrance knowledge wisdom victory honours honors awards "
    "status first second joint sole temporary instant further additional considerable due just enough greater much "
    "private public mutual nothing cash change food's bonus points props kudos notes shit crap attention affection "
    "respite employment kindness death relief peace closure redemption dignity plenty unconditional residual hints clues "
    "leeway "
    "aid gold formula glamour equality popularity stardom publicity bail clearance assurance assurances backing burial "
    "chills competition comforts defiance direction fresh glimpses gifts guidance headaches hugs impetus incentive incentives "
    "independence invaluable jurisdiction leadership legitimacy license licence momentum motivation nourishment oxygen "
    "options opportunities opportunity perspective prestige priority reassurance security stability substantial thanks "
    "treatment tribute unlimited unprecedented valuable veto visibility warmth warning warnings weapons written compensation "
    "homage responsibilities responsibility firsthand extensive healthy curses tears every material leverage footage "
    "shots fits chicken milk pizza cookies lemonade fruit homework "
    "only numerous email innings justification visions permissions jobs mercy concern military mail comments "
    "congratulations ur happy justice immortality shame satisfaction tasks air immense notoriety");

inline const WordClass kTimes(
    "night week month year time summer winter spring autumn fall weekend morning evening afternoon monday tuesday "
    "wednesday thursday friday saturday sunday january february march april june july august september october "
    "november december day days hours minutes seconds weeks months years decade decades century christmas easter");
inline const WordClass kDays("monday tuesday wednesday thursday friday saturday sunday");

// Nouns and adjectives in -ly.
inline const WordClass kLyNotAdverbs(
    "family early only elderly lovely assembly belly bully reply folly ally rally jelly lily holy unholy ugly silly lonely "
    "friendly deadly lively costly daily weekly monthly yearly worldly heavenly godly ungodly homely manly womanly "
    "comely sickly curly surly steely jolly tally melancholy monopoly anomaly supply scholarly brotherly sisterly fatherly "
    "motherly ghostly beastly princely saintly orderly cowardly unruly bubbly wobbly cuddly prickly wrinkly timely untimely "
    "burly wily oily bodily otherworldly leisurely stately lowly knightly kingly queenly portly gangly chilly smelly");

// Nouns in -ing: of others a person in the middle of doing something is as likely.
inline const WordClass kIngNouns(
    "acting writing painting training wedding singing directing upbringing feeling feelings meaning building "
    "standing timing clothing understanding drawing recording ending beginning opening teaching dancing hearing "
    "thinking reading living cooking coming undoing calling ring king thing string wing spring morning evening "
    "darling sibling offspring bearing bidding blessing breathing briefing casting ceiling coaching crossing daring "
    "dealing dealings dying earning earnings failing failings finding findings funding gambling gathering greeting "
    "handling handwriting hunting imprisoning killing landing learning leaning listing lodging lodgings longing "
    "looting making marketing meeting moaning murdering offering outing passing pleading playing preaching pricing "
    "programming ranking rating reasoning reckoning ruling running schooling scoring serving "
    "setting showing sitting skating smoking snoring speaking spelling stealing storytelling styling suffering "
    "surroundings swimming testing touring trading turning underwing upcoming uprising viewing voting "
    "waiting walking warning winning working aging ageing everlasting remaining existing following starring leading "
    "supporting loving growing burning missing unwavering unending annoying amazing outstanding charming boring "
    "interesting touching moving hiring fielding batting posting drooling ongoing surviving ailing "
    "continuing budding burgeoning developing striking enduring lasting increasing commanding preceding flying "
    "fighting swinging sweeping rambling stunning surprising shocking disturbing haunting captivating exciting "
    "thrilling overbearing conniving doting adoring unsuspecting scheming cheating struggling abiding unfailing "
    "pending impending opposing competing rising flowing piercing glowing shining driving underlying "
    "compelling riveting endearing revealing sailing fishing boxing wrestling hitting pitching fencing riding "
    "parenting mothering sleeping drinking gaming publishing banking engineering broadcasting shooting lightning "
    "tracking sting swing fling sling bling cling forthcoming uncaring enchanting sneering pairing questioning "
    "gaining staging scaffolding coping patronizing swashbuckling felling bullying");

}  // namespace discreet::mitigate::internal
